r"""Hamiltonian Monte Carlo on many independent chains at once.

The Hamiltonian is :math:`H(z, p) = -\log \pi(z) + \tfrac12 p^\top M^{-1} p` with momentum :math:`p \sim N(0, M)` and a
diagonal mass :math:`M`; trajectories are leapfrog integrals with a Metropolis correction (Neal 2011, "MCMC using
Hamiltonian dynamics"), and the step size is found by dual averaging (Hoffman & Gelman 2014, section 3.2) on the
acceptance averaged over chains. The functions are pure, know a log density only, and never wait for the device.
"""

import math
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .metropolis import acceptance_probability, metropolis_accept

__all__ = [
    "HMCInfo",
    "HMCState",
    "LogDensityAndGradient",
    "StepSizeState",
    "adapt_step_size",
    "draw_momentum",
    "init",
    "init_step_size",
    "leapfrog",
    "select",
    "step",
]

LogDensityAndGradient: TypeAlias = Callable[
    [Float[Tensor, "chains dim"]], tuple[Float[Tensor, " chains"], Float[Tensor, "chains dim"]]
]
"""Unnormalized log density, in nats, and its gradient, of each row."""

JITTER = 0.2
"""Each trajectory's step size is spread by up to this share, so that no trajectory length is periodic."""

DIVERGENCE_ENERGY = 1000.0
"""A rise of the energy, in nats, that counts as a divergence; commonly used, and as arbitrary here as elsewhere."""

SHRINKAGE = 0.1
"""γ of dual averaging: twice that of Hoffman & Gelman, whose acceptance is one chain's; the mean over chains is so much
less noisy that their steps overshoot."""


class HMCState(NamedTuple):
    """Positions of the chains with what was computed there."""

    position: Float[Tensor, "chains dim"]
    log_density: Float[Tensor, " chains"]
    gradient: Float[Tensor, "chains dim"]


class HMCInfo(NamedTuple):
    """What happened to each chain in one step.

    Attributes:
        acceptance: Probability with which the proposal was accepted.
        is_divergent: Whether the energy was not finite or rose beyond reason; such a proposal is rejected.
    """

    acceptance: Float[Tensor, " chains"]
    is_divergent: Bool[Tensor, " chains"]


def init(position: Float[Tensor, "chains dim"], log_density_and_gradient: LogDensityAndGradient) -> HMCState:
    """State of chains that start at the given positions."""
    return HMCState(position, *log_density_and_gradient(position))


def select(mask: Bool[Tensor, " chains"], chosen: HMCState, other: HMCState) -> HMCState:
    """Chain by chain, the chosen state where the mask is set and the other elsewhere."""
    rows = mask[:, None]
    return HMCState(
        torch.where(rows, chosen.position, other.position),
        torch.where(mask, chosen.log_density, other.log_density),
        torch.where(rows, chosen.gradient, other.gradient),
    )


def draw_momentum(
    like: Float[Tensor, "chains dim"], inverse_mass: Float[Tensor, " dim"], generator: torch.Generator
) -> Float[Tensor, "chains dim"]:
    """Momentum p ~ N(0, M), the law that the kinetic energy ½ pᵀ M⁻¹ p belongs to."""
    noise = torch.randn(like.shape, dtype=like.dtype, device=like.device, generator=generator)
    return noise * inverse_mass.rsqrt()


def leapfrog(
    state: HMCState,
    momentum: Float[Tensor, "chains dim"],
    log_density_and_gradient: LogDensityAndGradient,
    *,
    step_size: Float[Tensor, "#chains 1"],
    inverse_mass: Float[Tensor, " dim"],
    n_leapfrog_steps: int,
) -> tuple[HMCState, Float[Tensor, "chains dim"]]:
    """State and momentum after ``n_leapfrog_steps`` leapfrog steps."""
    # The half steps of the momentum between two steps of the position are taken as one.
    velocity = step_size * inverse_mass
    momentum = torch.addcmul(momentum, step_size, state.gradient, value=0.5)
    for remaining in reversed(range(n_leapfrog_steps)):
        position = torch.addcmul(state.position, velocity, momentum)
        state = HMCState(position, *log_density_and_gradient(position))
        momentum = torch.addcmul(momentum, step_size, state.gradient, value=1.0 if remaining else 0.5)
    return state, momentum


def step(
    state: HMCState,
    log_density_and_gradient: LogDensityAndGradient,
    generator: torch.Generator,
    *,
    step_size: Float[Tensor, ""],
    inverse_mass: Float[Tensor, " dim"],
    n_leapfrog_steps: int,
) -> tuple[HMCState, HMCInfo]:
    """One HMC transition of every chain; leaves the density invariant."""
    position = state.position
    spread = torch.rand(len(position), 1, dtype=position.dtype, device=position.device, generator=generator)
    momentum = draw_momentum(position, inverse_mass, generator)
    proposal, end_momentum = leapfrog(
        state,
        momentum,
        log_density_and_gradient,
        step_size=step_size * (1 + JITTER * (2 * spread - 1)),
        inverse_mass=inverse_mass,
        n_leapfrog_steps=n_leapfrog_steps,
    )
    kinetic_rise = 0.5 * ((end_momentum.square() - momentum.square()) * inverse_mass).sum(1)
    log_ratio = proposal.log_density - state.log_density - kinetic_rise
    acceptance = acceptance_probability(log_ratio)
    is_divergent = ~(log_ratio > -DIVERGENCE_ENERGY)
    return select(metropolis_accept(log_ratio, generator), proposal, state), HMCInfo(acceptance, is_divergent)


class StepSizeState(NamedTuple):
    """Dual averaging of the step size; scalars kept on the device."""

    log_step_size: Float[Tensor, ""]
    log_average: Float[Tensor, ""]
    error: Float[Tensor, ""]
    n_updates: Float[Tensor, ""]
    log_centre: Float[Tensor, ""]


def init_step_size(step_size: float, like: Tensor) -> StepSizeState:
    """Dual averaging that starts from a first guess."""
    log_step_size = like.new_tensor(math.log(step_size))
    zero = torch.zeros_like(log_step_size)
    return StepSizeState(log_step_size, log_step_size, zero, zero, log_step_size + math.log(10))


def adapt_step_size(
    state: StepSizeState, acceptance: Float[Tensor, " chains"], *, target: float = 0.8
) -> StepSizeState:
    """Dual averaging towards a mean acceptance (Hoffman & Gelman 2014, eq. (6), with their t₀ and κ)."""
    n_updates = state.n_updates + 1
    weight = 1 / (n_updates + 10)
    error = (1 - weight) * state.error + weight * (target - acceptance.mean())
    log_step_size = state.log_centre - n_updates.sqrt() / SHRINKAGE * error
    decay = n_updates.pow(-0.75)
    log_average = decay * log_step_size + (1 - decay) * state.log_average
    return StepSizeState(log_step_size, log_average, error, n_updates, state.log_centre)
