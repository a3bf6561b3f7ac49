"""Curves between pairs of positions: what a search for them returns, and the two lines that need none."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...metric import Metric

__all__ = ["Curves", "leaves_data", "spherical", "straight"]


class Curves(NamedTuple):
    """Curves, one for each pair of end points.

    Attributes:
        points: Positions along each, end points included, in latent units.
        log_cost: Logarithm of each one's length by the line element; −inf where the end points are the same.
        converged: Whether the search ended at a (local) minimum; otherwise the curve is the best one found.
        leaves_data: Whether some point of the curve is so far from all centroids that the metric is its floor there:
            the curve crosses a void of which the data say nothing.
    """

    points: Float[Tensor, "n n_points dim"]
    log_cost: Float[Tensor, " n"]
    converged: Bool[Tensor, " n"]
    leaves_data: Bool[Tensor, " n"]

    @property
    def cost(self) -> Float[Tensor, " n"]:
        """Length of each by the line element; infinite beyond the range of floats."""
        return self.log_cost.exp()


def straight(a: Float[Tensor, "n dim"], b: Float[Tensor, "n dim"], n_points: int) -> Float[Tensor, "n n_points dim"]:
    """Straight lines at constant speed."""
    t = torch.linspace(0, 1, n_points, dtype=a.dtype, device=a.device)[:, None]
    return torch.lerp(a[:, None], b[:, None], t)


def spherical(a: Float[Tensor, "n dim"], b: Float[Tensor, "n dim"], n_points: int) -> Float[Tensor, "n n_points dim"]:
    """Great circles around the origin, radii interpolated linearly (Shoemake 1985); straight where they degenerate."""
    radius_a, radius_b = a.norm(dim=1, keepdim=True), b.norm(dim=1, keepdim=True)
    unit_a, unit_b = a / radius_a, b / radius_b
    angle = torch.acos((unit_a * unit_b).sum(1).clamp(-1, 1))[:, None, None]
    t = torch.linspace(0, 1, n_points, dtype=a.dtype, device=a.device)[:, None]
    arcs = (((1 - t) * angle).sin() * unit_a[:, None] + (t * angle).sin() * unit_b[:, None]) / angle.sin()
    arcs = arcs * torch.lerp(radius_a[:, None], radius_b[:, None], t)
    return torch.where(angle.sin() > torch.finfo(a.dtype).eps ** 0.5, arcs, straight(a, b, n_points))


def leaves_data(metric: Metric, points: Float[Tensor, "n n_points dim"]) -> Bool[Tensor, " n"]:
    """Whether the geometric mean of G's eigenvalues comes within twice the floor's at some point of each curve."""
    z = points.flatten(0, 1)
    log_floor = math.log(metric.regularization) - metric.decay * z.square().sum(1)
    excess = 2 / metric.dim * metric.log_volume(z) - log_floor
    at_floor: Tensor = (excess < math.log(2)).unflatten(0, points.shape[:2])
    return at_floor.any(1)
