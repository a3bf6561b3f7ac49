"""Checks of pairs of positions."""

from torch import Tensor

from ..errors import ArgumentError
from ..validation import finite_matrix
from .elements import LineElement

__all__ = ["checked_pair"]


def checked_pair(element: LineElement, first: tuple[str, Tensor], second: tuple[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Two named matrices of rows that belong together, in the device and type of the metric; differentiable."""
    like = element.metric.centroids
    one, other = (finite_matrix(name, value, dim=element.dim).to(like) for name, value in (first, second))
    if one.shape != other.shape:
        msg = (
            f"{first[0]} and {second[0]} must have the same shape, row by row; got {tuple(one.shape)} and "
            f"{tuple(other.shape)}."
        )
        raise ArgumentError(msg)
    return one, other
