"""Do generated data show all classes, in the shares of real data? From the predictions of a classifier."""

import numpy as np
from jaxtyping import Float, Int

__all__ = ["class_balance_error", "class_entropy", "class_shares"]


def class_shares(classes: Int[np.ndarray, " n"], n_classes: int) -> Float[np.ndarray, " n_classes"]:
    """Share of each class."""
    return np.bincount(classes, minlength=n_classes) / len(classes)


def class_entropy(shares: Float[np.ndarray, " n_classes"]) -> float:
    """Entropy of the classes in nats: 0 where there is but one, log n_classes where all are equally frequent."""
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum() + 0.0)  # not −0


def class_balance_error(generated: Float[np.ndarray, " n_classes"], heldout: Float[np.ndarray, " n_classes"]) -> float:
    """Total variation between the class shares of generated and held-out data: 0 for the same, 1 for no class shared.

    With the same classifier on both sides its common errors cancel.
    """
    return float(np.abs(generated - heldout).sum() / 2)
