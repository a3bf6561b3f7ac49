"""Markov chains of a metric's volume law: HMC within islands alternated with global moves between them.

Chains are many and short. A step is a few global moves, which are cheap, followed by one HMC transition; a sample is
the last state of its own chain.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..compute import progress_bar, warn_user
from ..errors import ConvergenceWarning
from ..metric import Metric
from . import hmc, independence
from .adaptation import warm_up
from .convergence import effective_sample_size, split_r_hat
from .island_proposal import IslandProposal

__all__ = ["ChainInfo", "Kernel", "choose_n_steps", "make_kernel", "run_chains"]

N_GLOBAL_MOVES = 4
"""Global moves of a step. Each costs about half a gradient; together they free a chain from where one alone sticks."""

LEAST_STEPS, MOST_STEPS = 12, 500
LARGEST_R_HAT = 1.007
"""Split R-hat to which pilot chains are run, somewhat below the 1.01 at which chains count as converged (Vehtari et al.
2021, section 4): the R-hat of other chains will scatter by about as much."""


@dataclass(frozen=True)
class Kernel:
    """What one step of the chains does.

    Attributes:
        step_size: Leapfrog step, in units of the island standard deviation.
        inverse_mass: Diagonal of M⁻¹: mean island variances, in squared latent units.
        n_leapfrog_steps: Leapfrog steps of one HMC transition.
        global_moves: Whether global moves precede each HMC transition.
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


class _Step(NamedTuple):
    """State after one step, and what happened in it."""

    state: hmc.HMCState
    info: hmc.HMCInfo
    global_acceptance: Float[Tensor, " chains"]


def _step(
    state: hmc.HMCState,
    metric: Metric,
    proposal: IslandProposal,
    generator: torch.Generator,
    *,
    step_size: Float[Tensor, ""],
    inverse_mass: Float[Tensor, " dim"],
    n_leapfrog_steps: int,
    global_moves: bool,
) -> _Step:
    target = metric.log_density_and_gradient
    global_acceptance = torch.full_like(state.log_density, torch.nan)
    if global_moves:
        walkers, acceptances = independence.init(state.position, proposal), []
        for _ in range(N_GLOBAL_MOVES):
            walkers, acceptance = independence.step(walkers, proposal, generator)
            acceptances.append(acceptance)
        global_acceptance = torch.stack(acceptances).mean(0)
        state = hmc.init(walkers.position, target)
    state, info = hmc.step(
        state,
        target,
        generator,
        step_size=step_size,
        inverse_mass=inverse_mass,
        n_leapfrog_steps=n_leapfrog_steps,
    )
    return _Step(state, info, global_acceptance)


def make_kernel(
    metric: Metric,
    start: Float[Tensor, "chains dim"],
    generator: torch.Generator,
    *,
    n_warmup: int | Literal["auto"],
    n_leapfrog_steps: int,
    global_moves: bool,
) -> Kernel:
    """The kernel for a metric: mass from the mean island covariance, step size by dual averaging from ``start``.

    With ``n_warmup="auto"`` the adaptation ends when its averaged step size has settled.
    """
    metric = metric.with_buffers()
    proposal = IslandProposal(metric)
    inverse_mass = proposal.islands.scale**2 * metric.quadratics.variances.mean(0)

    def transition(state: hmc.HMCState, step_size: Float[Tensor, ""]) -> tuple[hmc.HMCState, hmc.HMCInfo]:
        step = _step(
            state,
            metric,
            proposal,
            generator,
            step_size=step_size,
            inverse_mass=inverse_mass,
            n_leapfrog_steps=n_leapfrog_steps,
            global_moves=global_moves,
        )
        return step.state, step.info

    log_step_size = warm_up(transition, hmc.init(start, metric.log_density_and_gradient), n_warmup)
    return Kernel(math.exp(log_step_size.item()), inverse_mass, n_leapfrog_steps, global_moves)


def _steps(
    kernel: Kernel, metric: Metric, start: Float[Tensor, "chains dim"], generator: torch.Generator
) -> Iterator[_Step]:
    metric = metric.with_buffers()
    proposal = IslandProposal(metric)
    step_size = start.new_tensor(kernel.step_size)
    state = hmc.init(start, metric.log_density_and_gradient)
    while True:
        step = _step(
            state,
            metric,
            proposal,
            generator,
            step_size=step_size,
            inverse_mass=kernel.inverse_mass,
            n_leapfrog_steps=kernel.n_leapfrog_steps,
            global_moves=kernel.global_moves,
        )
        yield step
        state = step.state


def run_chains(
    kernel: Kernel,
    metric: Metric,
    start: Float[Tensor, "chains dim"],
    generator: torch.Generator,
    *,
    n_steps: int,
) -> tuple[Float[Tensor, "chains dim"], ChainInfo]:
    """Positions of the chains after ``n_steps`` steps from ``start``, and what happened on the way."""
    trace, acceptances, global_acceptances, divergences = [], [], [], []
    steps = _steps(kernel, metric, start, generator)
    for _ in range(n_steps):
        state, info, global_acceptance = next(steps)
        trace.append(state.log_density)
        acceptances.append(info.acceptance)
        divergences.append(info.is_divergent)
        global_acceptances.append(global_acceptance)
    return state.position, ChainInfo(
        log_density=torch.stack(trace),
        acceptance=torch.stack(acceptances).mean(0),
        global_acceptance=torch.stack(global_acceptances).mean(0),
        n_divergent=torch.stack(divergences).to(start.dtype).sum(0),
    )


def choose_n_steps(
    kernel: Kernel, metric: Metric, start: Float[Tensor, "chains dim"], generator: torch.Generator
) -> int:
    """The number of steps after which pilot chains have converged, by the log density along their last half.

    Its split R-hat is then below 1.007, and it holds an effective draw for every chain. If that takes too many steps,
    as without global moves, their largest number is returned with a `ConvergenceWarning`.
    """
    trace: list[Tensor] = []
    steps, wanted = _steps(kernel, metric, start, generator), LEAST_STEPS
    with progress_bar(total=MOST_STEPS, desc="pilot chains", unit="step") as bar:
        while wanted <= MOST_STEPS:
            while len(trace) < wanted:
                trace.append(next(steps).state.log_density)
                bar.update()
            last_half = torch.stack(trace[wanted // 2 :]).double().cpu().numpy()
            r_hat = split_r_hat(last_half)
            # A log density that does not vary, NaN, is that of a single point mass: nothing is left to converge.
            if not r_hat >= LARGEST_R_HAT and not effective_sample_size(last_half) < len(start):
                return wanted
            wanted = -(-4 * wanted // 3)
    msg = (
        f"after {len(trace)} steps the chains have not converged: split R-hat of the log density is {r_hat:.3f}, "
        f"{LARGEST_R_HAT} is wanted. Lower the temperature (min_ess nearer 1), or set n_steps yourself."
    )
    warn_user(msg, ConvergenceWarning)
    return len(trace)
