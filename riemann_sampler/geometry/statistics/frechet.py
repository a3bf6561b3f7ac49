r"""Fréchet means: where the weighted squared distances to given positions are least.

.. math::
    F(x) = \sum_i w_i \, d(x, p_i)^2, \qquad \sum_i w_i = 1, \qquad
    x \leftarrow x - \tfrac{t}{2} \operatorname{grad} F(x), \qquad
    -\tfrac12 \operatorname{grad} F(x) = \sum_i w_i \log_x(p_i)

(Karcher 1977, "Riemannian center of mass and mollifier smoothing"). The gradient is that of the lengths of shortest
curves by their end, turned into a tangent vector by the line element. With t = 1 a flat space takes one step; t is
halved until F decreases in proportion.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ...errors import ArgumentError, ArgumentTypeError
from ...metric import Metric
from ...validation import finite_matrix, natural, positive
from ..curves.geodesics import distance
from ..curves.graph import graph_distances
from ..curves.line_elements import LineElement, line_element

__all__ = ["FrechetMean", "frechet_mean"]

SUFFICIENT_DECREASE = 0.1
"""Share of the decrease that the slope promises which a step must bring."""

STEP_LENGTHS = tuple(0.5**i for i in range(12))
"""Values of t that are tried; where none is downhill, distances are not known well enough to go on."""


class FrechetMean(NamedTuple):
    """A mean, and how well it stands for the positions.

    Attributes:
        point: The mean, in latent units.
        variance: Weighted mean of the squared distances to it, by the line element.
        converged: Whether the descent ended where the gradient vanishes, up to the tolerance.
    """

    point: Float[Tensor, " dim"]
    variance: Float[Tensor, ""]
    converged: bool


def frechet_mean(
    metric: Metric | LineElement,
    points: Float[Tensor, "n dim"],
    *,
    weights: Float[Tensor, " n"] | None = None,
    max_iter: int = 50,
    tol: float = 1e-3,
) -> FrechetMean:
    """The position from which the squared distances to given ones are least on average, found downhill.

    It starts at the one of the positions that has this property among them, by distances along a graph. A curved
    space may have several such means, each better than its surroundings; this is the one downhill from there.

    Args:
        metric: What measures lengths. A metric measures by itself, and as it decays off the data, it is cheap to be in
            a void: `InverseMetric` and `ConformalMetric` keep means on the data.
        points: The positions.
        weights: Their weights, none negative; they need not sum to 1. None weighs all alike.
        max_iter: Steps at the most; each costs one search for the shortest curves to all positions, or a few.
        tol: Length of a full step at which the descent ends, as a share of the standard deviation √F.

    Returns:
        The mean, in the type of the positions and on their device.

    Raises:
        ArgumentError: If the positions or the weights cannot be used, or a number is not positive.
        ArgumentTypeError: If an argument is not of the type that it should be.

    Example:
        >>> frechet_mean(InverseMetric(sampler.metric_), codes[labels == 3]).point
    """
    element = line_element(metric)
    p = finite_matrix("points", points, dim=element.dim).detach().to(element.metric.centroids)
    w = _shares(weights, len(p)).to(p)
    natural("max_iter", max_iter)
    positive("tol", tol)
    among = torch.from_numpy(graph_distances(element, p) ** 2) @ w.cpu().double()
    x, here = _descend(element, p, w, p[among.argmin()], max_iter, tol)
    return FrechetMean(x.to(points), here.variance.to(points), bool(here.slope <= tol**2 * here.variance))


class _Surroundings(NamedTuple):
    """At a position: F, the full step −½ grad F, and its squared length."""

    variance: Float[Tensor, ""]
    step: Float[Tensor, " dim"]
    slope: Float[Tensor, ""]


def _descend(
    element: LineElement,
    points: Float[Tensor, "n dim"],
    shares: Float[Tensor, " n"],
    x: Float[Tensor, " dim"],
    max_iter: int,
    tol: float,
) -> tuple[Float[Tensor, " dim"], _Surroundings]:
    """Where the descent from x ends, and what is there."""
    here = _look(element, points, shares, x)
    for _ in range(max_iter):
        if here.slope <= tol**2 * here.variance:
            break
        for length in STEP_LENGTHS:
            there = _look(element, points, shares, x + length * here.step)
            if there.variance <= here.variance - 2 * SUFFICIENT_DECREASE * length * here.slope:
                break
        else:
            break
        x, here = x + length * here.step, there
    return x, here


def _look(
    element: LineElement, points: Float[Tensor, "n dim"], shares: Float[Tensor, " n"], x: Float[Tensor, " dim"]
) -> _Surroundings:
    apart = (points != x).any(1)
    zero = x.new_zeros(())
    if not apart.any():
        return _Surroundings(zero, torch.zeros_like(x), zero)
    with torch.enable_grad():
        moving = x.clone().requires_grad_()
        to_points = distance(element, moving.expand(int(apart.sum()), -1), points[apart])
        variance = shares[apart] @ to_points.square()
        (gradient,) = torch.autograd.grad(0.5 * variance, moving)
    if not gradient.any():
        return _Surroundings(variance.detach(), torch.zeros_like(x), zero)
    log_norm, _, direction = element.log_dual_norm_and_gradients(x[None], gradient[None])
    slope = (2 * log_norm[0]).exp()
    return _Surroundings(variance.detach(), -slope * direction[0], slope)


def _shares(weights: Float[Tensor, " n"] | None, n: int) -> Float[Tensor, " n"]:
    """The weights, made to sum to 1."""
    if weights is None:
        return torch.full((n,), 1 / n, dtype=torch.float64)
    if not isinstance(weights, Tensor) or not weights.is_floating_point():
        kind = weights.dtype if isinstance(weights, Tensor) else type(weights).__name__
        msg = f"weights must be a floating-point tensor, got {kind}."
        raise ArgumentTypeError(msg)
    if weights.shape != (n,):
        msg = f"weights must have shape ({n},), one for each of the points; got {tuple(weights.shape)}."
        raise ArgumentError(msg)
    total = weights.detach().double().sum()
    if not (torch.isfinite(total) and total > 0 and (weights >= 0).all()):
        msg = f"weights must be finite, none negative and not all zero; the least is {weights.min().item():.3g} and "
        msg += f"their sum {total.item():.3g}."
        raise ArgumentError(msg)
    return weights.detach().double() / total
