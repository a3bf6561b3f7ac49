r"""Exponential and logarithmic maps.

Geodesics are the motions of the Hamiltonian :math:`H(z, p) = \tfrac12 \|p\|_{z*}^2`, by the dual norm of the line
element, with momentum :math:`p = \partial(\tfrac12\|v\|_z^2) / \partial v`,

.. math:: \dot z = \partial H / \partial p, \qquad \dot p = -\partial H / \partial z ,

integrated by the classical Runge-Kutta method. The logarithm is the initial velocity of the shortest curve, corrected
by Newton's method until the geodesic that it starts ends where it should.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...compute import warn_user
from ...errors import ConvergenceWarning
from ...metric import Metric
from ...validation import natural
from .line_elements import LineElement, check_pair, line_element
from .shortest import shortest
from .splines import Splines

__all__ = ["exponential_map", "log_map"]

NEWTON_STEPS = 20
STEP_LENGTHS = (1.0, 0.5, 0.25)
"""Shares of a Newton step that are tried, until one comes nearer."""

MISS = 1e-6
"""Distance from the end, relative to that between the ends, within which a geodesic has reached it."""

DETOUR = 1e-3
"""Excess of a geodesic's speed over that of the shortest curve found, beyond which it is another one."""

DIFFERENCE = 1e-6
"""Relative change of a velocity by which the map is differentiated; Newton's steps need no more digits."""


def exponential_map(metric: Metric | LineElement, x: Tensor, v: Tensor, *, n_steps: int = 64) -> Float[Tensor, "n dim"]:
    """Where geodesics are after a unit of time that start at x with velocity v; differentiable.

    Args:
        metric: What measures lengths; a metric by itself.
        x: Where they start, (n, dim).
        v: Their velocities, (n, dim), in latent units; their lengths by the metric are how far they go.
        n_steps: Steps of the integration.

    Returns:
        Their ends; NaN for those that leave the range of floats, as those of a decaying metric may in finite time.

    Raises:
        ArgumentError: If shapes differ, or a number is not finite.

    Example:
        >>> exponential_map(metric, codes, log_map(metric, codes, others))  # others
    """
    element = line_element(metric)
    start, velocity = check_pair(element, ("x", x), ("v", v))
    return _flow(element, start, velocity, natural("n_steps", n_steps)).to(x)


def log_map(metric: Metric | LineElement, a: Tensor, b: Tensor, *, n_steps: int = 64) -> Float[Tensor, "n dim"]:
    """Velocities at a of the geodesics that are at b after a unit of time; the inverse of `exponential_map`.

    Args:
        metric: What measures lengths; a metric by itself.
        a: Where the geodesics start, (n, dim).
        b: Where they end, (n, dim).
        n_steps: Steps of the integration, as for `exponential_map`.

    Returns:
        The velocities, in latent units. A `ConvergenceWarning` tells if Newton's method left some that miss, as it may
        where geodesics are long and unstable; theirs are those of the shortest curves found.

    Raises:
        ArgumentError: If shapes differ, or a position is not finite.
    """
    element = line_element(metric)
    start, end = check_pair(element, ("a", a), ("b", b))
    with torch.no_grad():
        velocity, hits = _shoot(element, start, end, natural("n_steps", n_steps))
    if not hits.all():
        msg = (
            f"{int((~hits).sum())} of {len(hits)} geodesics miss their ends by more than {MISS} of the distance. "
            "A larger n_steps may help."
        )
        warn_user(msg, ConvergenceWarning)
    return velocity.to(a)


def _flow(element: LineElement, z: Tensor, v: Tensor, n_steps: int) -> Tensor:
    moves = (v != 0).any(1)
    if not moves.all():  # what stands still has no direction to differentiate by
        return z.index_put((moves.nonzero()[:, 0],), _flow(element, z[moves], v[moves], n_steps)) if moves.any() else z
    momentum, step = element.to_momentum(z, v), 1 / n_steps
    for _ in range(n_steps):
        z1, p1 = _rates(element, z, momentum)
        z2, p2 = _rates(element, z + step / 2 * z1, momentum + step / 2 * p1)
        z3, p3 = _rates(element, z + step / 2 * z2, momentum + step / 2 * p2)
        z4, p4 = _rates(element, z + step * z3, momentum + step * p3)
        z = z + step / 6 * (z1 + 2 * z2 + 2 * z3 + z4)
        momentum = momentum + step / 6 * (p1 + 2 * p2 + 2 * p3 + p4)
    return z


def _rates(element: LineElement, z: Tensor, momentum: Tensor) -> tuple[Tensor, Tensor]:
    """ż and ṗ."""
    log_norm, by_position, by_momentum = element.log_dual_norm_and_gradients(z, momentum)
    square = (2 * log_norm).exp()[:, None]
    return square * by_momentum, -square * by_position


def _shoot(
    element: LineElement, start: Tensor, end: Tensor, n_steps: int
) -> tuple[Float[Tensor, "n dim"], Bool[Tensor, " n"]]:
    """Velocities by Newton's method from those of the shortest curves, and whether they hit."""
    first = _initial_velocity(element, start, end)
    span = (end - start).norm(dim=1)
    velocity, miss = first.clone(), _flow(element, start, first, n_steps) - end
    open_ = torch.arange(len(start), device=start.device)
    for _ in range(NEWTON_STEPS):
        open_ = open_[miss[open_].norm(dim=1) > 0.01 * MISS * span[open_]]
        if not len(open_):
            break
        correction = _newton(element, start[open_], velocity[open_], miss[open_], n_steps)
        nearer = torch.zeros_like(open_, dtype=torch.bool)
        for length in STEP_LENGTHS:
            rows = (~nearer).nonzero()[:, 0]
            row = open_[rows]
            trial = velocity[row] + length * correction[rows]
            trial_miss = _flow(element, start[row], trial, n_steps) - end[row]
            nearer[rows] = trial_miss.norm(dim=1) < miss[row].norm(dim=1)
            taken = nearer[rows]
            velocity[row[taken]], miss[row[taken]] = trial[taken], trial_miss[taken]
        open_ = open_[nearer]
    # A hit by a detour is another geodesic, not the shortest.
    detour = velocity.norm(dim=1) > (1 + DETOUR) * first.norm(dim=1)
    hits = (miss.norm(dim=1) <= MISS * span) & ~detour
    return torch.where(hits[:, None], velocity, first), hits


def _newton(element: LineElement, start: Tensor, velocity: Tensor, miss: Tensor, n_steps: int) -> Tensor:
    """Changes of the velocities that would make up for the misses if the map were linear."""
    n, dim = start.shape
    change = DIFFERENCE * velocity.norm(dim=1)
    moved = velocity[:, None] + change[:, None, None] * torch.eye(dim, dtype=start.dtype, device=start.device)
    there = _flow(element, start.repeat_interleave(dim, 0), moved.flatten(0, 1), n_steps).unflatten(0, (n, dim))
    here = _flow(element, start, velocity, n_steps)
    jacobian = ((there - here[:, None]) / change[:, None, None]).mT
    step, failure = torch.linalg.solve_ex(torch.nan_to_num(jacobian), -miss)
    return torch.where((failure > 0)[:, None], 0.0, step)


def _initial_velocity(element: LineElement, start: Tensor, end: Tensor) -> Tensor:
    """Velocities of the shortest curves, as long as these."""
    found = shortest(element, start, end)
    differ = (start != end).any(1)
    knots = found.knots[differ]
    direction = (Splines(knots.shape[1], start).start_velocity @ knots)[:, 0]
    log_norm = element.log_norm_and_gradients(start[differ], direction)[0]
    velocity = torch.zeros_like(start)
    velocity[differ] = (found.log_length[differ] - log_norm).exp()[:, None] * direction
    return velocity
