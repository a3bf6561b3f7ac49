"""Limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4) on many independent problems at once.

Every row of a matrix is a problem of its own, with its own history, step length and end; rows that have ended are no
longer evaluated.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Minimum", "Objective", "minimise"]

Objective: TypeAlias = Callable[
    [Float[Tensor, "rows p"], Int[Tensor, " rows"]], tuple[Float[Tensor, " rows"], Float[Tensor, "rows p"]]
]
"""Values and gradients of some of the problems, at positions x and with these indices."""

MEMORY = 8
SUFFICIENT_DECREASE = 1e-4
MOST_TRIALS = 16
"""Steps that are tried along a direction; each is a half of the one before."""

LEAST_CURVATURE = 1e-10
"""Cosine of step and change of the gradient below which they say nothing of the curvature."""


class Minimum(NamedTuple):
    """Where each problem ended.

    Attributes:
        x: Positions.
        value: Values there.
        converged: Whether one more step promised, or the last one brought, less than the tolerance.
    """

    x: Float[Tensor, "n p"]
    value: Float[Tensor, " n"]
    converged: Bool[Tensor, " n"]


class _State(NamedTuple):
    """The problems that go on, and the last pairs of steps and changes of the gradient, (rows, memory, p)."""

    row: Int[Tensor, " rows"]
    x: Float[Tensor, "rows p"]
    value: Float[Tensor, " rows"]
    gradient: Float[Tensor, "rows p"]
    steps: Float[Tensor, "rows memory p"]
    changes: Float[Tensor, "rows memory p"]

    def some(self, mask: Bool[Tensor, " rows"]) -> "_State":
        return _State(*(part[mask] for part in self))


def minimise(
    objective: Objective, x: Float[Tensor, "n p"], *, first_step: Float[Tensor, " n"], max_iter: int, tolerance: float
) -> Minimum:
    """A local minimum of each problem, found downhill from its start.

    Args:
        objective: Values, of order one, and gradients.
        x: Starts.
        first_step: Length of the first step of each.
        max_iter: Steps at the most.
        tolerance: Decrease of the value that no longer counts.

    Returns:
        The end of each; values never rise on the way.
    """
    rows = torch.arange(len(x), device=x.device)
    value, gradient = objective(x, rows)
    found = Minimum(x.clone(), value.clone(), torch.zeros_like(rows, dtype=torch.bool))
    none = x.new_zeros(len(x), MEMORY, x.shape[1])
    state = _State(rows, x, value, gradient, none, none.clone())
    for _ in range(max_iter):
        if not len(state.row):
            break
        direction = _direction(state, first_step[state.row])
        slope = (direction * state.gradient).sum(1)
        moved, moved_value, moved_gradient = _line_search(objective, state, direction, slope)
        gain = state.value - moved_value
        step, change = moved - state.x, moved_gradient - state.gradient
        has_curvature = (step * change).sum(1) > LEAST_CURVATURE * step.norm(dim=1) * change.norm(dim=1)
        pairs = [
            torch.where(has_curvature[:, None, None], torch.cat([old[:, 1:], new[:, None]], 1), old)
            for old, new in ((state.steps, step), (state.changes, change))
        ]
        state = _State(state.row, moved, moved_value, moved_gradient, *pairs)
        found.x[state.row], found.value[state.row] = moved, moved_value
        ended = (gain <= tolerance) | (-slope <= tolerance)
        found.converged[state.row] = ended & (-slope <= 1e3 * tolerance)
        state = state.some(~ended)
    return found


def _direction(state: _State, first_step: Float[Tensor, " rows"]) -> Float[Tensor, "rows p"]:
    """Minus the inverse Hessian's estimate times the gradient; downhill always."""
    direction = -state.gradient
    curvature = (state.steps * state.changes).sum(2)  # (rows, memory), 0 where there is no pair
    inverse = torch.where(curvature > 0, 1 / curvature, 0.0)
    coefficients = []
    for i in reversed(range(MEMORY)):
        coefficient = inverse[:, i] * (state.steps[:, i] * direction).sum(1)
        direction = direction - coefficient[:, None] * state.changes[:, i]
        coefficients.append(coefficient)
    newest = curvature[:, -1] / state.changes[:, -1].square().sum(1)
    scale = torch.where(curvature[:, -1] > 0, newest, first_step / state.gradient.norm(dim=1))
    direction = torch.nan_to_num(scale, nan=0.0, posinf=0.0)[:, None] * direction
    for i, coefficient in enumerate(reversed(coefficients)):
        along = inverse[:, i] * (state.changes[:, i] * direction).sum(1)
        direction = direction + (coefficient - along)[:, None] * state.steps[:, i]
    return direction


def _line_search(
    objective: Objective, state: _State, direction: Float[Tensor, "rows p"], slope: Float[Tensor, " rows"]
) -> tuple[Float[Tensor, "rows p"], Float[Tensor, " rows"], Float[Tensor, "rows p"]]:
    """The first of ever shorter steps that is downhill enough; no step where none is."""
    x, value, gradient = state.x.clone(), state.value.clone(), state.gradient.clone()
    pending, length = torch.arange(len(x), device=x.device), 1.0
    for _ in range(MOST_TRIALS):
        trial = state.x[pending] + length * direction[pending]
        trial_value, trial_gradient = objective(trial, state.row[pending])
        enough = trial_value <= state.value[pending] + SUFFICIENT_DECREASE * length * slope[pending]
        enough &= torch.isfinite(trial_gradient).all(1)
        taken = pending[enough]
        x[taken], value[taken], gradient[taken] = trial[enough], trial_value[enough], trial_gradient[enough]
        pending, length = pending[~enough], length / 2
        if not len(pending):
            break
    return x, value, gradient
