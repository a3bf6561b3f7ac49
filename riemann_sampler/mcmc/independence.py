r"""Independence Metropolis-Hastings: global moves proposed from a density that resembles the target.

A proposal :math:`z' \sim q` is accepted with probability :math:`\min\{1, w(z') / w(z)\}`, where :math:`w = \pi / q` are
importance weights (Tierney 1994, section 2.3.3), which leaves :math:`\pi` invariant whatever :math:`q`. It carries
mass between modes that Hamiltonian trajectories never connect.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from .metropolis import acceptance_probability, metropolis_accept

__all__ = ["IndependenceMetropolisState", "Proposal", "init", "step"]


@runtime_checkable
class Proposal(Protocol):
    """A density q that can be drawn from, and the weights of the target over it."""

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent draws from q."""
        ...

    def log_weight(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log of π/q up to a constant, in nats."""
        ...


class IndependenceMetropolisState(NamedTuple):
    """Positions of the chains with their log weights."""

    position: Float[Tensor, "chains dim"]
    log_weight: Float[Tensor, " chains"]


def init(position: Float[Tensor, "chains dim"], proposal: Proposal) -> IndependenceMetropolisState:
    """State of chains at the given positions."""
    return IndependenceMetropolisState(position, proposal.log_weight(position))


def step(
    state: IndependenceMetropolisState, proposal: Proposal, generator: torch.Generator
) -> tuple[IndependenceMetropolisState, Float[Tensor, " chains"]]:
    """One global transition of every chain, and the probability with which each was accepted."""
    proposed = init(proposal.sample(len(state.position), generator), proposal)
    log_ratio = proposed.log_weight - state.log_weight
    accepted = metropolis_accept(log_ratio, generator)
    moved = IndependenceMetropolisState(
        torch.where(accepted[:, None], proposed.position, state.position),
        torch.where(accepted, proposed.log_weight, state.log_weight),
    )
    return moved, acceptance_probability(log_ratio)
