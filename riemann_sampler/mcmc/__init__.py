"""Markov chain kernels, Hamiltonian and independence Metropolis-Hastings, and the chains that alternate them."""

from . import hmc, independence
from .chains import Kernel, choose_n_steps, make_kernel, run_chains
from .convergence import effective_sample_size, split_r_hat
from .island_proposal import IslandProposal
from .metropolis import metropolis_accept

__all__ = [
    "IslandProposal",
    "Kernel",
    "choose_n_steps",
    "effective_sample_size",
    "hmc",
    "independence",
    "make_kernel",
    "metropolis_accept",
    "run_chains",
    "split_r_hat",
]
