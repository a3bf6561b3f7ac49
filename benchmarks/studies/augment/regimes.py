"""Training sets: so many examples of each class, or many of half the classes and few of the others."""

from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Int

__all__ = ["FEW", "LARGE", "N_ADDED", "Regime", "chosen_rows", "wanted"]

LARGE: Final = 100
"""Examples of a large class in an imbalanced training set."""

N_ADDED: Final = 200
"""Examples of each class that are added to a balanced training set."""

FEW: Final = 2
"""Examples of a class at the least, as far as there are so many: SMOTE has nothing to go between otherwise."""


class Regime(NamedTuple):
    """How a training set is drawn.

    Attributes:
        per_class: Examples of each class; of the large ones where there is a ratio.
        ratio: How many times fewer the small classes have; 1 where all have the same.
    """

    per_class: int
    ratio: int = 1

    @property
    def name(self) -> str:
        """Its name in files and tables."""
        return f"{self.per_class} per class" if self.ratio == 1 else f"1:{self.ratio}"


def chosen_rows(labels: Int[np.ndarray, " n"], regime: Regime, seed: int) -> Int[np.ndarray, " rows"]:
    """Rows of a training set, class by class; a class that has too few gives all.

    Large are the classes that have the most examples, half of them rounded up; ties are broken by the seed.
    """
    random = np.random.default_rng(seed)
    classes, counts = np.unique(labels, return_counts=True)
    by_size = classes[np.lexsort((random.random(len(classes)), -counts))]
    large = set(by_size[: (len(classes) + 1) // 2].tolist())
    rows = []
    for label in classes.tolist():
        n = regime.per_class if label in large else max(FEW, round(regime.per_class / regime.ratio))
        rows.append(random.permutation(np.flatnonzero(labels == label))[:n])
    return np.concatenate(rows)


def wanted(labels: Int[np.ndarray, " n"], regime: Regime) -> dict[int, int]:
    """How many synthetic examples of each class are added: as many of each, or those that small classes lack."""
    classes, counts = np.unique(labels, return_counts=True)
    added = np.full(len(classes), N_ADDED) if regime.ratio == 1 else counts.max() - counts
    return dict(zip(classes.tolist(), added.tolist(), strict=True))
