"""Cubic splines through equally spaced knots, as products with fixed matrices; polylines divided evenly."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.interpolate import CubicSpline
from torch import Tensor

__all__ = ["Splines", "divide"]

POINTS_BETWEEN_KNOTS = 4
"""Gauss-Legendre points on each interval."""


class Splines:
    """The cubic splines over [0, 1] with ``n_knots`` equally spaced knots.

    A curve is given by its positions at the knots, (n, n_knots, dim); everything else is linear in them.

    Args:
        n_knots: Number of knots, the two ends included; two make a straight line.
        like: A tensor of the device and type of the curves.
    """

    def __init__(self, n_knots: int, like: Tensor) -> None:
        self._like, self._n_knots = like, n_knots
        self._spline = CubicSpline(np.linspace(0, 1, n_knots), np.eye(n_knots), bc_type="not-a-knot")
        nodes, weights = np.polynomial.legendre.leggauss(POINTS_BETWEEN_KNOTS)
        n_intervals = n_knots - 1
        at = ((np.arange(n_intervals)[:, None] + (nodes + 1) / 2) / n_intervals).ravel()
        self.weights: Float[Tensor, " quadrature"] = like.new_tensor(np.tile(weights / (2 * n_intervals), n_intervals))
        self.positions = self._matrix(at)  # (quadrature, n_knots)
        self.velocities = self._matrix(at, 1)
        self.start_velocity = self._matrix(np.zeros(1), 1)  # (1, n_knots)

    def along(self, n_points: int) -> Float[Tensor, "n_points n_knots"]:
        """What makes equally spaced positions of knots."""
        return self._matrix(np.linspace(0, 1, n_points))

    def _matrix(self, at: Float[np.ndarray, " t"], derivative: int = 0) -> Float[Tensor, "t n_knots"]:
        return self._like.new_tensor(self._spline(at, derivative))


def divide(
    corners: Float[Tensor, "n corners dim"], lengths: Float[Tensor, "n parts"], n_points: int
) -> Float[Tensor, "n n_points dim"]:
    """Polylines divided into ``n_points`` − 1 pieces of equal length, given the lengths of their parts."""
    reached = torch.nn.functional.pad(lengths.cumsum(1), (1, 0))
    reached = reached / reached[:, -1:]
    wanted = torch.linspace(0, 1, n_points, dtype=corners.dtype, device=corners.device).repeat(len(corners), 1)
    part = (torch.searchsorted(reached, wanted, right=True) - 1).clamp(0, lengths.shape[1] - 1)
    before, after = reached.gather(1, part), reached.gather(1, part + 1)
    share = ((wanted - before) / (after - before).clamp_min(torch.finfo(corners.dtype).tiny)).clamp(0, 1)
    index = part[:, :, None].expand(-1, -1, corners.shape[2])
    return torch.lerp(corners.gather(1, index), corners.gather(1, index + 1), share[:, :, None])
