"""Markov chain kernels, Hamiltonian and independence Metropolis-Hastings, and the chains that alternate them."""

from . import hmc, independence
from .adaptation import warm_up
from .chains import Kernel, choose_n_steps, make_kernel, run_chains
from .convergence import effective_sample_size, split_r_hat
from .island_proposal import IslandProposal
from .metropolis import acceptance_probability, metropolis_accept

__all__ = [
    "IslandProposal",
    "Kernel",
    "acceptance_probability",
    "choose_n_steps",
    "effective_sample_size",
    "hmc",
    "independence",
    "make_kernel",
    "metropolis_accept",
    "run_chains",
    "split_r_hat",
    "warm_up",
]
