"""Data sets that come with the dependencies, split into training and held-out parts."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor

__all__ = ["Split", "digits"]


class Split(NamedTuple):
    """Images in [0, 1] with their classes; nothing but scores may see the held-out part.

    Attributes:
        train_images: What models and samplers are fitted on.
        train_labels: Their classes.
        heldout_images: What scores compare with.
        heldout_labels: Their classes.
    """

    train_images: Float[Tensor, "n_train 1 height width"]
    train_labels: Int[np.ndarray, " n_train"]
    heldout_images: Float[Tensor, "n_heldout 1 height width"]
    heldout_labels: Int[np.ndarray, " n_heldout"]


def digits(*, n_train: int | None = None, n_heldout: int = 500, seed: int = 0) -> Split:
    """scikit-learn's 1,797 handwritten digits of 8×8 pixels, classes in the same proportions on both sides.

    Args:
        n_train: Training images; None takes all that are not held out.
        n_heldout: Held-out images.
        seed: Seed of the split.

    Returns:
        The two parts, each in random order.
    """
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    train, heldout = train_test_split(
        np.arange(len(labels)), train_size=n_train, test_size=n_heldout, stratify=labels, random_state=seed
    )
    return Split(torch.from_numpy(images[train]), labels[train], torch.from_numpy(images[heldout]), labels[heldout])
