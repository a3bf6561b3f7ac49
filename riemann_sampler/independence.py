r"""Independence Metropolis-Hastings: global moves proposed from a density that resembles the target.

A proposal :math:`z' \sim q` is accepted with probability
:math:`\min\{1, \pi(z') q(z) / (\pi(z) q(z'))\}` (Tierney 1994, section 2.3.3), which leaves :math:`\pi` invariant
whatever :math:`q`. It carries mass between modes that Hamiltonian trajectories never connect.
"""

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from .hmc import HMCState, LogDensityAndGradient, init, metropolis, select

__all__ = ["Proposal", "step"]


@runtime_checkable
class Proposal(Protocol):
    """A density that can be drawn from and evaluated."""

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent draws."""
        ...

    def log_density(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log density up to a constant, in nats."""
        ...


def step(
    state: HMCState,
    log_density_and_gradient: LogDensityAndGradient,
    proposal: Proposal,
    generator: torch.Generator,
) -> tuple[HMCState, Float[Tensor, " chains"]]:
    """One global transition of every chain, and the probability with which each was accepted."""
    proposed = init(proposal.sample(len(state.position), generator), log_density_and_gradient)
    log_weight_rise = (proposed.log_density - proposal.log_density(proposed.position)) - (
        state.log_density - proposal.log_density(state.position)
    )
    acceptance = torch.nan_to_num(log_weight_rise.clamp(max=0).exp(), nan=0.0)
    return select(metropolis(log_weight_rise, generator), proposed, state), acceptance
