"""Distance of mean embeddings under a polynomial kernel."""

import numpy as np
import torch
from jaxtyping import Float
from typing_extensions import Self

from .distances import Points, as_points, row_blocks

__all__ = ["Embedded", "kernel_distance"]


class Embedded:
    """A set, and the mean kernel between two different points of it.

    Args:
        points: The set, of two points at the least.
    """

    def __init__(self, points: Points) -> None:
        self.points = points
        n = len(points)
        with_itself = (points.square().mean(1) + 1).pow(3).sum().item()
        self._within = (_kernel_sum(points, points) - with_itself) / (n * (n - 1))

    def kernel_distance(self, other: Self) -> float:
        """`kernel_distance` of the two sets."""
        between = _kernel_sum(self.points, other.points) / (len(self.points) * len(other.points))
        return self._within + other._within - 2 * between


def kernel_distance(a: Float[np.ndarray, "n_a features"], b: Float[np.ndarray, "n_b features"]) -> float:
    r"""Squared maximum mean discrepancy of two sets, without bias, so that it may be negative.

    .. math::
        \operatorname{mean}_{i \neq j} k(a_i, a_j) + \operatorname{mean}_{i \neq j} k(b_i, b_j)
        - 2 \operatorname{mean}_{i, j} k(a_i, b_j), \qquad k(x, y) = \left(x^\top y / f + 1\right)^3

    for f features: the kernel inception distance of Bińkowski et al. 2018 (arXiv:1801.01401), but over all points at
    once instead of the mean over random subsets, so that nothing is random. The kernel sees differences of the first
    three moments only.
    """
    return Embedded(as_points(a)).kernel_distance(Embedded(as_points(b)))


def _kernel_sum(x: Points, y: Points) -> float:
    """Sum of the kernel over all pairs, in blocks of bounded memory."""
    one, total = x.new_ones(1), 0.0
    for rows, block in row_blocks(x, len(y)):
        total += torch.addmm(one, x[rows], y.T, alpha=1 / x.shape[1], out=block).pow_(3).sum().item()
    return total
