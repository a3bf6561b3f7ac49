r"""The search for shortest curves.

A curve :math:`\gamma` is a cubic spline whose knots minimise

.. math::
    \log \int_0^1 \|\gamma'(t)\|_{\gamma(t)} \, dt
        + \mu \int_0^1 \left(\frac{|\gamma'|^2}{\int |\gamma'|^2} - 1\right)^2 dt

from the shortest path on a graph of the centroids, first with few knots, then with more. The norm is that of a line
element. The second term only fixes how fast the curve is run through, on which its length does not depend: it is
zero for a curve of constant Euclidean speed.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...compute import progress_bar
from .graph import polylines
from .lbfgs import minimise
from .line_elements import LineElement
from .splines import Splines, divide

__all__ = ["Shortest", "log_lengths", "shortest"]

KNOTS = (9, 25)
"""Knots of a curve's spline, coarse and fine."""

SPEED_PENALTY = 0.1
TOLERANCE = 1e-7
"""Relative decrease of the length that no longer counts."""

MAX_ITER = 500
FARTHEST = 2.0
"""How far from the mean centroid curves may go, over the distance of the farthest centroid or end: a metric that decays
makes detours by way of infinity as short as one likes."""

MOST_NODES = 2048
"""Centroids in the graph at the most, evenly taken from all of them."""

PAIRS_AT_A_TIME = 256


class Shortest(NamedTuple):
    """Splines of least length.

    Attributes:
        knots: Their positions at equally spaced parameters.
        log_length: Log lengths by the line element; −inf where the ends are the same.
        converged: Whether each is a local minimum.
    """

    knots: Float[Tensor, "n n_knots dim"]
    log_length: Float[Tensor, " n"]
    converged: Bool[Tensor, " n"]


def shortest(
    element: LineElement, a: Float[Tensor, "n dim"], b: Float[Tensor, "n dim"], *, knots: tuple[int, ...] = KNOTS
) -> Shortest:
    """Splines of least length from each a to its b.

    Args:
        element: What measures lengths.
        a: Where the curves start, like the metric's centroids in device and type.
        b: Where they end.
        knots: Numbers of knots, from coarse to fine.

    Returns:
        The splines. No other pair has a say in one.
    """
    starts = range(0, len(a), PAIRS_AT_A_TIME)
    parts = [
        _shortest(element, a[first : first + PAIRS_AT_A_TIME], b[first : first + PAIRS_AT_A_TIME], knots)
        for first in progress_bar(starts, desc="paths", unit=f" × {PAIRS_AT_A_TIME} pairs")
    ]
    return Shortest(*(torch.cat(column) for column in zip(*parts, strict=True)))


def log_lengths(element: LineElement, splines: Splines, knots: Float[Tensor, "n n_knots dim"]) -> Float[Tensor, " n"]:
    """Log lengths of splines, differentiable."""
    z, v = splines.positions @ knots, splines.velocities @ knots
    log_norm = element.log_norm_and_gradients(z.flatten(0, 1), v.flatten(0, 1))[0].view(z.shape[:2])
    return (log_norm + splines.weights.log()).logsumexp(1)


@torch.no_grad()
def _shortest(element: LineElement, a: Tensor, b: Tensor, knots: tuple[int, ...]) -> Shortest:
    differ = (a != b).any(1)
    log_length = torch.full_like(a[:, 0], -torch.inf)
    found = Shortest(a[:, None].repeat(1, knots[-1], 1), log_length, torch.ones_like(differ))
    if differ.any():
        current, converged = _start(element, a[differ], b[differ], knots[0]), found.converged
        for n_knots in knots:
            current = Splines(current.shape[1], a).along(n_knots) @ current
            splines = Splines(n_knots, a)
            current, converged = _refine(element, splines, current)
        found.knots[differ], found.converged[differ] = current, converged
        found.log_length[differ] = log_lengths(element, splines, current)
    return found


def _start(element: LineElement, a: Tensor, b: Tensor, n_knots: int) -> Float[Tensor, "n n_knots dim"]:
    """Shortest paths over the centroids, divided evenly."""
    centroids = element.metric.centroids
    nodes = centroids[:: -(-len(centroids) // MOST_NODES)]
    knots = []
    for corners in polylines(element, nodes, a, b):
        polyline = a.new_tensor(corners)[None]
        knots.append(divide(polyline, polyline.diff(dim=1).norm(dim=2), n_knots))
    return torch.cat(knots)


def _refine(
    element: LineElement, splines: Splines, knots: Float[Tensor, "n n_knots dim"]
) -> tuple[Float[Tensor, "n n_knots dim"], Bool[Tensor, " n"]]:
    """The local minimum downhill from these knots, whose ends stay, and whether it was reached."""
    inner = knots[:, 1:-1]
    if not inner.shape[1]:
        return knots, torch.ones_like(knots[:, 0, 0], dtype=torch.bool)

    centre = element.metric.quadratics.origin
    reach = torch.maximum((element.metric.centroids - centre).norm(dim=1).max(), (knots - centre).norm(dim=2).amax(1))

    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        ends = knots[rows]
        curve = torch.cat([ends[:, :1], x.unflatten(1, inner.shape[1:]), ends[:, -1:]], 1)
        value, gradient = _value_and_gradient(element, splines, curve)
        beyond = (curve - centre).norm(dim=2).amax(1) > FARTHEST * reach[rows]
        return torch.where(beyond, torch.inf, value), gradient[:, 1:-1].flatten(1)

    spacing = knots.diff(dim=1).norm(dim=2).mean(1)
    found = minimise(objective, inner.flatten(1), first_step=0.1 * spacing, max_iter=MAX_ITER, tolerance=TOLERANCE)
    return torch.cat([knots[:, :1], found.x.unflatten(1, inner.shape[1:]), knots[:, -1:]], 1), found.converged


def _value_and_gradient(
    element: LineElement, splines: Splines, knots: Float[Tensor, "n n_knots dim"]
) -> tuple[Float[Tensor, " n"], Float[Tensor, "n n_knots dim"]]:
    """The objective of the module's text, and its gradient by the knots."""
    z, v = splines.positions @ knots, splines.velocities @ knots  # (n, quadrature, dim)
    log_norm, by_position, by_velocity = (
        part.unflatten(0, z.shape[:2]) for part in element.log_norm_and_gradients(z.flatten(0, 1), v.flatten(0, 1))
    )
    logs = log_norm + splines.weights.log()
    log_length = logs.logsumexp(1)
    shares = (logs - log_length[:, None]).exp()[:, :, None]  # of the length, at each point

    square = v.square().sum(2)
    mean = (square * splines.weights).sum(1, keepdim=True)
    excess = square / mean - 1
    penalty = (excess.square() * splines.weights).sum(1)
    # ∂/∂v of it: the mean of excess · square / mean is the penalty itself, as excess has mean 0.
    by_speed = (4 * splines.weights * (excess - penalty[:, None]) / mean)[:, :, None] * v

    gradient = splines.positions.T @ (shares * by_position)
    gradient = gradient + splines.velocities.T @ (shares * by_velocity + SPEED_PENALTY * by_speed)
    return log_length + SPEED_PENALTY * penalty, gradient
