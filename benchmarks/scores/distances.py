r"""Nearest neighbours by matrix products in blocks of bounded memory, and the balls that they span.

Squared distances are taken as :math:`\|x\|^2 + \|y\|^2 - 2 x^\top y` in float64, which is fast but inexact where both
points nearly coincide. So they only single out the neighbours: distances and radii are then taken from the differences,
0 between copies. Where such squares are compared with radii, their norms are inflated by more than the rounding errors:
what is called nearer than a radius is so, and a point on a sphere lies outside it, as strict inequalities have it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["Balls", "Neighbours", "Points", "as_points", "nearest", "row_blocks", "squared_distances"]

Points = Float[Tensor, "n features"]

BLOCK_ELEMENTS = 2**20
"""Numbers in the block that matrix products are written to: 8 MiB."""

INFLATION = 1 + 1e-12
"""Of squared norms; their rounding errors are about the square root of the number of features times 1e-16."""


class Neighbours(NamedTuple):
    """One neighbour of each point.

    Attributes:
        squared_distances: How far it is, in squared feature units.
        rows: Which it is.
    """

    squared_distances: Float[Tensor, " n"]
    rows: Int[Tensor, " n"]


class Balls:
    """Points, and around each the ball whose radius is the distance to its k-th nearest other point.

    The other points may coincide with it (twins), then the ball may be empty.

    Args:
        points: The centres, more than k of them.
        k: Number of the neighbour.

    Attributes:
        points: The same.
        k: The same.
        squared_radii: In squared feature units.
    """

    def __init__(self, points: Points, k: int) -> None:
        self.points, self.k = points, k
        self.squared_radii = _kth_other(points, k).squared_distances


def as_points(features: Float[np.ndarray, "n features"]) -> Points:
    """A copy in float64."""
    return torch.tensor(np.ascontiguousarray(features), dtype=torch.float64)


def row_blocks(x: Points, n_columns: int) -> Iterator[tuple[slice, Float[Tensor, "rows n_columns"]]]:
    """Consecutive rows of ``x``, each with an empty block of ``n_columns``; the memory of all blocks is the same."""
    n_rows = min(len(x), max(1, BLOCK_ELEMENTS // n_columns))
    memory = x.new_empty(n_rows, n_columns)
    for start in range(0, len(x), n_rows):
        rows = slice(start, min(start + n_rows, len(x)))
        yield rows, memory[: rows.stop - start]


def squared_distances(x: Points, y: Points) -> Iterator[tuple[slice, Float[Tensor, "rows n_y"]]]:
    """Squared distances, rounded up, of consecutive rows of ``x`` to all of ``y``; the next ones overwrite them."""
    origin = y.mean(0)  # the nearer the origin, the less is cancelled
    centred_y = y - origin
    norms_y = centred_y.square().sum(1) * INFLATION
    for rows, block in row_blocks(x, len(y)):
        centred_x = x[rows] - origin
        norms_x = centred_x.square().sum(1, keepdim=True) * INFLATION
        yield rows, torch.addmm(norms_y, centred_x, centred_y.T, alpha=-2, out=block).add_(norms_x)


def nearest(x: Points, y: Points) -> Neighbours:
    """For each of ``x`` the nearest of ``y``."""
    found = torch.empty(len(x), dtype=torch.int64)
    for rows, squared in squared_distances(x, y):
        found[rows] = squared.argmin(1)
    return _measured(x, y, found)


def _kth_other(x: Points, k: int) -> Neighbours:
    """For each of ``x`` its k-th nearest neighbour among the others."""
    found = torch.empty(len(x), dtype=torch.int64)
    for rows, squared in squared_distances(x, x):
        squared[:, rows].fill_diagonal_(torch.inf)
        found[rows] = squared.topk(k, largest=False).indices[:, -1]
    return _measured(x, x, found)


def _measured(x: Points, y: Points, found: Int[Tensor, " n"]) -> Neighbours:
    """The neighbours in these rows of ``y``, at the distances of the differences."""
    return Neighbours((x - y[found]).square().sum(1), found)
