r"""k-medoids of a distance matrix: seeding, then swaps by FasterPAM.

The loss of medoids :math:`m_1, \dots, m_k` is :math:`\sum_o d_n(o)`, with :math:`d_n(o)` the distance from point o to
the nearest of them and :math:`d_s(o)` to the second nearest. If a point x takes the place of medoid i, whose cluster
is :math:`C_i`, it rises by

.. math::
    \Delta_i(x) = \sum_o \min\{d(o, x) - d_n(o), 0\}
        + \sum_{o \in C_i} \left(\operatorname{clip}(d(o, x), d_n(o), d_s(o)) - d_n(o)\right),

for all i at the price of one pass over the points. The best swap of each x is made at once if it lowers the loss
(Schubert & Rousseeuw 2021, "Fast and eager k-medoids clustering", arXiv:2008.05171, section 4). Seeds are drawn as in
k-means++, in proportion to the distance to the nearest before them (Arthur & Vassilvitskii 2007, section 2.2).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

__all__ = ["Medoids", "k_medoids"]

ROUNDING = 1e-12
"""A swap must lower the loss by more than this share of it, or rounding could swap for ever."""


class Medoids(NamedTuple):
    """Points that stand for clusters.

    Attributes:
        indices: Index of each medoid.
        label: Number of the medoid nearest to each point.
        loss: Sum of the distances from the points to their medoids.
        n_sweeps: How often all points were tried.
        converged: Whether no swap lowers the loss any more.
    """

    indices: Int[np.ndarray, " k"]
    label: Int[np.ndarray, " n"]
    loss: float
    n_sweeps: int
    converged: bool


class _Nearest(NamedTuple):
    """For each point the number of its nearest medoid, and the distances to it and to the second nearest."""

    label: Int[np.ndarray, " n"]
    first: Float[np.ndarray, " n"]
    second: Float[np.ndarray, " n"]


def k_medoids(
    distances: Float[np.ndarray, "n n"],
    n_clusters: int,
    *,
    max_sweeps: int,
    n_starts: int,
    random: np.random.RandomState,
) -> Medoids:
    """The best of several starts, each swapped until no swap lowers the loss; ``distances`` are symmetric."""
    starts = [_seeds(distances, n_clusters, random) for _ in range(n_starts)]
    return min((_swap(distances, start, max_sweeps) for start in starts), key=lambda medoids: medoids.loss)


def _seeds(
    distances: Float[np.ndarray, "n n"], n_clusters: int, random: np.random.RandomState
) -> Int[np.ndarray, " k"]:
    index = [random.randint(len(distances))]
    nearest = distances[index[0]].copy()
    while len(index) < n_clusters:
        # Where every point coincides with a seed, any other one will do.
        weights = nearest if nearest.any() else np.isin(np.arange(len(distances)), index, invert=True).astype(float)
        chosen = random.choice(len(distances), p=weights / weights.sum())
        index.append(chosen)
        np.minimum(nearest, distances[chosen], out=nearest)
    return np.array(index)


def _nearest(distances: Float[np.ndarray, "n n"], index: Int[np.ndarray, " k"]) -> _Nearest:
    to_medoids = np.vstack([distances[index], np.full(len(distances), np.inf)])  # (k + 1, n): one has no second
    label = to_medoids.argmin(0)
    label[index] = np.arange(len(index))  # of coinciding points each medoid keeps itself
    first, second = np.partition(to_medoids, 1, axis=0)[:2]
    return _Nearest(label, first, second)


def _swap(distances: Float[np.ndarray, "n n"], index: Int[np.ndarray, " k"], max_sweeps: int) -> Medoids:
    index, nearest = index.copy(), _nearest(distances, index)
    n, n_tried, n_since_swap = len(distances), 0, 0
    while n_since_swap < n and n_tried < max_sweeps * n:
        x = n_tried % n
        losses = np.clip(distances[x], nearest.first, nearest.second) - nearest.first
        gain = np.minimum(distances[x] - nearest.first, 0).sum()
        rises = gain + np.bincount(nearest.label, losses, len(index))
        n_tried, n_since_swap = n_tried + 1, n_since_swap + 1
        if rises.min() < -ROUNDING * nearest.first.sum():
            index[rises.argmin()] = x
            nearest, n_since_swap = _nearest(distances, index), 0
    return Medoids(index, nearest.label, float(nearest.first.sum()), -(-n_tried // n), n_since_swap >= n)
