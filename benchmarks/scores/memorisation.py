"""Do generated data copy the training data? Authenticity and the data-copying test."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.cluster import KMeans
from torch import Tensor

from .distances import Balls, Neighbours, Points, as_points, nearest

__all__ = ["LEAST_IN_CELL", "MemorisationScores", "TrainingData", "authenticity", "data_copying", "mann_whitney_z"]

LEAST_IN_CELL = 20
"""Held-out points, and generated ones, that a cell needs: with fewer, U is not near enough to a normal law."""

HELDOUT_PER_CELL, TRAIN_PER_CELL = 200, 10
"""Mean numbers of points, each of which bounds the number of cells."""


class MemorisationScores(NamedTuple):
    """See the functions of these names."""

    authenticity: float
    data_copying: float


class TrainingData:
    """Training and held-out data, and what copies are known by.

    Args:
        train: Training data, two at the least.
        heldout: Held-out data, `LEAST_IN_CELL` at the least.
        seed: Seed of the partition into cells.
    """

    def __init__(self, train: Points, heldout: Points, seed: int) -> None:
        self._balls = Balls(train, 1)
        n_cells = max(1, min(len(heldout) // HELDOUT_PER_CELL, len(train) // TRAIN_PER_CELL))
        self._partition = KMeans(n_cells, n_init=1, random_state=seed).fit(train.numpy())
        self._heldout_distances = nearest(heldout, train).squared_distances.numpy()
        self._heldout_cells = self._partition.predict(heldout.numpy())

    def compare(self, generated: Points) -> MemorisationScores:
        """Both scores; for `data_copying`, which depends on their number, of as many as there are held-out points."""
        neighbours = nearest(generated, self._balls.points)
        n_compared = len(self._heldout_distances)
        return MemorisationScores(
            authenticity=_is_new(neighbours, self._balls).double().mean().item(),
            data_copying=self._data_copying(
                neighbours.squared_distances[:n_compared].numpy(),
                self._partition.predict(generated[:n_compared].numpy()),
            ),
        )

    def _data_copying(self, distances: Float[np.ndarray, " n"], cells: Int[np.ndarray, " n"]) -> float:
        masses, scores = [], []
        for cell in range(self._partition.n_clusters):
            inside, heldout_inside = distances[cells == cell], self._heldout_distances[self._heldout_cells == cell]
            if min(len(inside), len(heldout_inside)) >= LEAST_IN_CELL:
                masses.append(len(heldout_inside))
                scores.append(mann_whitney_z(inside, heldout_inside))
        if not scores:
            return mann_whitney_z(distances, self._heldout_distances)
        return float(np.average(scores, weights=masses))


def authenticity(
    train: Float[np.ndarray, "n_train features"], generated: Float[np.ndarray, "n_generated features"]
) -> float:
    """Share of the generated data that are no copies (Alaa et al. 2022, arXiv:2102.08921).

    A generated point counts as a copy if it lies no farther from its nearest training point than that one lies from its
    own nearest training point. Fresh draws from a law in d dimensions score 1/3 for d = 1, rising to 1/2 as d grows:
    they count as copies when both points are each other's nearest. The published code looks up distances between real
    points by the indices of generated ones; this follows the text of the paper.
    """
    balls = Balls(as_points(train), 1)
    return _is_new(nearest(as_points(generated), balls.points), balls).double().mean().item()


def data_copying(
    train: Float[np.ndarray, "n_train features"],
    heldout: Float[np.ndarray, "n_heldout features"],
    generated: Float[np.ndarray, "n_generated features"],
    seed: int = 0,
) -> float:
    """C_T: are generated data nearer to the training data than held-out data are? Below 0, they are: copies.

    Meehan, Chaudhuri & Dasgupta 2020 (arXiv:2004.05675): space is cut into the cells of a k-means of the training data.
    In each cell distances to the nearest training point are compared by `mann_whitney_z`; the mean over the cells with
    `LEAST_IN_CELL` generated and held-out points is weighted with the held-out data in them. There is a cell for
    every 200 held-out and every 10 training points, whichever makes fewer; where no cell has enough points, all
    space is one. Around 0 for fresh draws (standard deviation below 1), above 0 where generated data are
    farther off than real ones. It is a z-score: under one and the same law it grows as the root of the numbers of
    points in a cell, so compare equal numbers only. The authors' code looks for neighbours within the cell and corrects
    for continuity; this follows the text of the paper.

    Args:
        train: Training data.
        heldout: Held-out data.
        generated: Generated data, in random order; of more than there are held-out data the first ones are taken.
        seed: Seed of the partition.

    Returns:
        The mean z-score.
    """
    return TrainingData(as_points(train), as_points(heldout), seed).compare(as_points(generated)).data_copying


def mann_whitney_z(a: Float[np.ndarray, " n_a"], b: Float[np.ndarray, " n_b"]) -> float:
    """Z-score of the number of pairs in which a exceeds b, ties counting half; above 0 where a is the larger.

    Its variance is that without ties, as in the paper of `data_copying`.
    """
    b = np.sort(b)
    u = (np.searchsorted(b, a, "left") + np.searchsorted(b, a, "right")).sum() / 2
    n_pairs = len(a) * len(b)
    return float((u - n_pairs / 2) / np.sqrt(n_pairs * (len(a) + len(b) + 1) / 12))


def _is_new(neighbours: Neighbours, train: Balls) -> Bool[Tensor, " n"]:
    """Whether points lie farther from their nearest training point than that one from its own."""
    return neighbours.squared_distances > train.squared_radii[neighbours.rows]
