"""Markov chains of a metric's volume law: HMC within islands alternated with global moves between them."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from . import hmc, independence
from .islands import IslandMixture
from .metric import Metric

__all__ = ["ChainInfo", "Kernel", "make_kernel", "run"]


@dataclass(frozen=True)
class Kernel:
    """What one step of the chains does.

    Attributes:
        step_size: Leapfrog step, in units of the island standard deviation.
        inverse_mass: Diagonal of M⁻¹: mean island variances, in squared latent units.
        n_leapfrog_steps: Leapfrog steps of one HMC transition.
        global_moves: Whether each HMC transition is followed by a global move.
    """

    step_size: float
    inverse_mass: Float[Tensor, " dim"]
    n_leapfrog_steps: int
    global_moves: bool


class ChainInfo(NamedTuple):
    """What happened along the chains.

    Attributes:
        log_density: Unnormalized log density after each step, in nats.
        acceptance: Each chain's mean acceptance of HMC transitions.
        global_acceptance: Each chain's mean acceptance of global moves; NaN without them.
        n_divergent: Each chain's number of divergent trajectories.
    """

    log_density: Float[Tensor, "steps chains"]
    acceptance: Float[Tensor, " chains"]
    global_acceptance: Float[Tensor, " chains"]
    n_divergent: Float[Tensor, " chains"]


def make_kernel(
    metric: Metric,
    islands: IslandMixture,
    start: Float[Tensor, "chains dim"],
    generator: torch.Generator,
    *,
    n_warmup: int,
    n_leapfrog_steps: int,
    global_moves: bool,
) -> Kernel:
    """The kernel for a metric: mass from the mean island covariance, step size by dual averaging from ``start``."""
    inverse_mass = islands.scale**2 * metric.quadratics.variances.mean(0)
    state = hmc.init(start, metric.log_density_and_gradient)
    adaptation = hmc.init_step_size(metric.dim**-0.25, start)
    for _ in range(n_warmup):
        state, info = hmc.step(
            state,
            metric.log_density_and_gradient,
            generator,
            step_size=adaptation.log_step_size.exp(),
            inverse_mass=inverse_mass,
            n_leapfrog_steps=n_leapfrog_steps,
        )
        adaptation = hmc.adapt_step_size(adaptation, info.acceptance)
        if global_moves:
            state, _ = independence.step(state, metric.log_density_and_gradient, islands, generator)
    step_size = math.exp(adaptation.log_average.item())
    return Kernel(step_size, inverse_mass, n_leapfrog_steps, global_moves)


def run(
    kernel: Kernel,
    metric: Metric,
    islands: IslandMixture,
    start: Float[Tensor, "chains dim"],
    generator: torch.Generator,
    *,
    n_steps: int,
) -> tuple[Float[Tensor, "chains dim"], ChainInfo]:
    """Positions of the chains after ``n_steps`` steps from ``start``, and what happened on the way."""
    target = metric.log_density_and_gradient
    step_size = start.new_tensor(kernel.step_size)
    state = hmc.init(start, target)
    trace, infos, global_acceptances = [], [], []
    for _ in range(n_steps):
        state, info = hmc.step(
            state,
            target,
            generator,
            step_size=step_size,
            inverse_mass=kernel.inverse_mass,
            n_leapfrog_steps=kernel.n_leapfrog_steps,
        )
        infos.append(info)
        if kernel.global_moves:
            state, acceptance = independence.step(state, target, islands, generator)
            global_acceptances.append(acceptance)
        trace.append(state.log_density)
    no_move = torch.full_like(state.log_density, torch.nan)
    return state.position, ChainInfo(
        log_density=torch.stack(trace),
        acceptance=torch.stack([info.acceptance for info in infos]).mean(0),
        global_acceptance=torch.stack(global_acceptances).mean(0) if kernel.global_moves else no_move,
        n_divergent=torch.stack([info.is_divergent for info in infos]).to(start.dtype).sum(0),
    )
