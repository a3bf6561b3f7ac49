"""Named features of images, in which generated and real ones are compared."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from .datasets import Split

__all__ = ["FeatureMap", "digits_mlp64"]


@dataclass(frozen=True)
class FeatureMap:
    """A function from images to features, and what is known of it.

    Attributes:
        name: Names the features wherever scores in them are given.
        heldout_accuracy: Share of the held-out images that the classifier behind them gets right.
        extract: The function.
    """

    name: str
    heldout_accuracy: float
    extract: Callable[[Float[Tensor, "n 1 height width"]], Float[np.ndarray, "n features"]]


def digits_mlp64(split: Split, *, seed: int = 0) -> FeatureMap:
    """The 64 ReLU activations in the hidden layer of scikit-learn's MLPClassifier, trained on the training images."""
    classifier = MLPClassifier((64,), max_iter=2000, random_state=seed)
    classifier.fit(_flat(split.train_images), split.train_labels)

    def extract(images: Float[Tensor, "n 1 height width"]) -> Float[np.ndarray, "n features"]:
        return np.maximum(_flat(images) @ classifier.coefs_[0] + classifier.intercepts_[0], 0)

    accuracy = float(classifier.score(_flat(split.heldout_images), split.heldout_labels))
    return FeatureMap("digits-mlp64", accuracy, extract)


def _flat(images: Float[Tensor, "n 1 height width"]) -> Float[np.ndarray, "n pixels"]:
    return images.flatten(1).double().numpy()
