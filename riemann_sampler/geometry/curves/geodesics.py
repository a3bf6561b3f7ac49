"""Geodesics, the paper's interpolations, and distances."""

import torch
from torch import Tensor

from ...metric import Metric, island_scale, proper_floor
from ...validation import finite_matrix, natural, positive
from .curves import Curves, leaves_data
from .line_elements import ConformalMetric, LineElement, check_pair, line_element
from .shortest import log_lengths, shortest
from .splines import Splines, divide

__all__ = ["distance", "geodesic", "interpolate", "widen"]

DENSE_POINTS = 1025
"""Points on a curve between which it is taken for straight when it is divided evenly."""


PATH_SCALE = 2.0
"""Width of islands, in posterior standard deviations, on which paths are looked for."""


def geodesic(metric: Metric | LineElement, a: Tensor, b: Tensor, *, n_points: int = 64) -> Curves:
    """Shortest curves from each a to its b, at constant speed by the line element.

    Args:
        metric: What measures lengths. A metric measures by itself, and as it decays off the data, its shortest curves
            may cut through voids; `InverseMetric` and `ConformalMetric` keep curves on the data.
        a: Where the curves start, (n, dim).
        b: Where they end, (n, dim).
        n_points: Positions along each.

    Returns:
        The curves, locally shortest, downhill from the shortest path on a graph of the centroids.

    Raises:
        ArgumentError: If shapes differ, a position is not finite, or ``n_points`` is less than 2.

    Example:
        >>> geodesic(InverseMetric(sampler.metric_), a, b).points
    """
    return _curves(line_element(metric), a, b, n_points, euclidean_speed=False)


def interpolate(
    metric: Metric,
    a: Tensor,
    b: Tensor,
    *,
    n_points: int = 64,
    exponent: float | None = None,
) -> Curves:
    """Curves of least ∫ V(γ) |γ'| dt, V = (det G)^{−exponent/2} (arXiv:2209.07370, eq. (12)), at constant latent speed.

    They pass where the volume of the metric is large: over the data. Paths want wider islands than samples do, which
    `widen` gives.

    Args:
        metric: The metric G.
        a: Where the curves start, (n, dim).
        b: Where they end, (n, dim).
        n_points: Positions along each, equally far from one another in latent units.
        exponent: The exponent; None is that of `ConformalMetric`.

    Returns:
        The curves.

    Raises:
        ArgumentError: If shapes differ, a position or the exponent cannot be used, or ``n_points`` is less than 2.

    Example:
        >>> interpolate(widen(sampler.metric_), a, b, n_points=16).points
    """
    return _curves(ConformalMetric(metric, exponent), a, b, n_points, euclidean_speed=True)


def distance(metric: Metric | LineElement, a: Tensor, b: Tensor, *, pairwise: bool = False) -> Tensor:
    """Lengths of the curves of `geodesic`, differentiable in their ends by the first variation of the length.

    Args:
        metric: What measures lengths, as for `geodesic`.
        a: Where the curves start, (n, dim).
        b: Where they end, (n, dim), or (m, dim) for all pairs.
        pairwise: Whether to measure from every a to every b.

    Returns:
        Distances (n,), or (n, m) for all pairs; infinite beyond the range of floats.

    Raises:
        ArgumentError: If shapes differ, or a position is not finite.

    Example:
        >>> distance(sampler.metric_, codes, codes, pairwise=True)
    """
    element = line_element(metric)
    if not pairwise:
        start, end = check_pair(element, ("a", a), ("b", b))
        return _lengths(element, start, end).to(a)
    start, end = (
        finite_matrix(name, z, dim=element.dim).to(element.metric.centroids) for name, z in (("a", a), ("b", b))
    )
    rows = start.repeat_interleave(len(end), 0), end.repeat(len(start), 1)
    return _lengths(element, *rows).view(len(start), len(end)).to(a)


def widen(metric: Metric, scale: float = PATH_SCALE, *, floor_share: float = 1e-3) -> Metric:
    """The metric at the temperature at which isolated islands are ``scale`` posterior standard deviations wide.

    At the temperature of a sampler islands hardly touch, and every way between two of them leads through the floor.

    Args:
        metric: A fitted metric.
        scale: Width s of an island; the temperature is s √(αd).
        floor_share: Share of the mass that the floor holds.

    Returns:
        A metric with the same centroids and precisions.

    Raises:
        ArgumentError: If ``scale`` is not positive and finite.
    """
    temperature = positive("scale", scale) / island_scale(1.0, metric.volume_exponent, metric.dim)
    floor = proper_floor(metric.quadratics, temperature, metric.volume_exponent, share=floor_share, decay=metric.decay)
    return metric.replace(temperature=temperature, regularization=floor.regularization, decay=floor.decay)


def _curves(element: LineElement, a: Tensor, b: Tensor, n_points: int, *, euclidean_speed: bool) -> Curves:
    natural("n_points", n_points, least=2)
    start, end = check_pair(element, ("a", a), ("b", b))
    with torch.no_grad():
        found = shortest(element, start, end)
        dense = Splines(found.knots.shape[1], start).along(DENSE_POINTS) @ found.knots
        parts = dense.diff(dim=1)
        logs = parts.norm(dim=2).log()
        if not euclidean_speed:
            middles = 0.5 * (dense[:, 1:] + dense[:, :-1])
            logs = element.log_norm_and_gradients(middles.flatten(0, 1), parts.flatten(0, 1))[0].unflatten(
                0, logs.shape
            )
        is_point = (start == end).all(1, keepdim=True)
        lengths = torch.where(is_point, 1.0, (logs - logs.amax(1, keepdim=True)).exp())
        points = divide(dense, lengths, n_points)
        points[:, 0], points[:, -1] = start, end
        beyond = leaves_data(element.metric, points)
    return Curves(points.to(a), found.log_length.to(a), found.converged, beyond)


def _lengths(element: LineElement, start: Tensor, end: Tensor) -> Tensor:
    found = shortest(element, start.detach(), end.detach())
    lengths = found.log_length.exp()
    if not (start.requires_grad or end.requires_grad):
        return lengths
    # Where a curve is shortest, its inner knots add nothing to the first order: only the ends are moved.
    differ = (start != end).any(1)
    knots = torch.cat([start[differ, None], found.knots[differ, 1:-1], end[differ, None]], 1)
    moved = log_lengths(element, Splines(knots.shape[1], start), knots).exp()
    return lengths.index_put((differ.nonzero()[:, 0],), moved)
