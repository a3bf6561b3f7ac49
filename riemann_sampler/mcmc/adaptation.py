"""Warm-up of Hamiltonian chains: the step size by dual averaging, until it has settled."""

import math
from collections.abc import Callable
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from ..compute import progress_bar
from .hmc import HMCInfo, HMCState, adapt_step_size, init_step_size

__all__ = ["warm_up"]

SETTLED, LEAST_WARM_UP, MOST_WARM_UP = 0.02, 20, 200
"""An adaptation ends when the averaged step size changes by less than this share in a round of ten steps."""


def warm_up(
    transition: Callable[[HMCState, Float[Tensor, ""]], tuple[HMCState, HMCInfo]],
    state: HMCState,
    n_steps: int | Literal["auto"] = "auto",
) -> Float[Tensor, ""]:
    """Logarithm of the step size that dual averaging finds along chains from ``state``.

    Args:
        transition: State after one step of a given size, and what happened in it.
        state: Where the chains start.
        n_steps: Steps; ``"auto"`` ends when the averaged step size has settled.

    Returns:
        The logarithm, on the chains' device.
    """
    adaptation = init_step_size(state.position.shape[1] ** -0.25, state.position)
    before = math.inf
    for n_updates in progress_bar(
        range(1, (MOST_WARM_UP if n_steps == "auto" else n_steps) + 1), desc="warm-up", unit="step"
    ):
        state, info = transition(state, adaptation.log_step_size.exp())
        adaptation = adapt_step_size(adaptation, info.acceptance)
        if n_steps == "auto" and n_updates % 10 == 0:
            now = adaptation.log_average.item()
            if n_updates >= LEAST_WARM_UP and abs(now - before) < SETTLED:
                break
            before = now
    return adaptation.log_average
