r"""The Riemannian Gaussian: as far from a mean as a variance allows, uniform but for that.

.. math::
    p(z) \propto \exp\left(-\frac{d(z, \mu)^2}{2 \sigma}\right) \sqrt{\det G(z)}

with the geodesic distance d of G (arXiv:2209.07370, eq. (6), whose density is with respect to the Riemannian volume;
this one is with respect to dz). In a constant metric it is :math:`N(\mu, \sigma G^{-1})`.

A distance is a search for a shortest curve, and a trajectory would ask for dozens. So HMC and global moves run on the
law :math:`\pi^*` whose distances are lengths :math:`\bar d` of straight lines (`surrogate`), and after some of them the
chain goes to where they have got with probability :math:`\min\{1, w(z') / w(z)\}`,

.. math:: \log w(z) = \frac{\bar d(z)^2 - d(z, \mu)^2}{2 \sigma},

which makes up for the difference (the surrogate transition method; Liu 2001, "Monte Carlo Strategies in Scientific
Computing", section 9.4.3). It asks that the moves together be reversible, as they are in an order that is the same
backwards. Chains start at the ends of Brownian walks of time :math:`\sigma` from the mean, whose law is nearly this one
when :math:`\sigma` is small.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from ...compute import make_generator, progress_bar
from ...errors import ArgumentError
from ...mcmc import acceptance_probability, hmc, independence, metropolis_accept, warm_up
from ...metric import Metric
from ...validation import finite_matrix, natural, positive
from ..curves.line_elements import OwnMetric
from ..curves.shortest import shortest
from .brownian import walk
from .straight_gaussian import StraightGaussian

__all__ = ["GaussianSamples", "riemannian_gaussian"]

KNOTS = (9,)
"""Knots of the shortest curves: few, as only their lengths count."""

N_START_STEPS = 50
N_PILOT_CHAINS, N_WARM_UP, N_LEAPFROG_STEPS = 64, 50, 5
N_GLOBAL_MOVES = 4
"""Global moves before each correction, an HMC transition before, between and after them; together they cost less."""

Transition: TypeAlias = Callable[[hmc.HMCState], tuple[hmc.HMCState, hmc.HMCInfo]]


class GaussianSamples(NamedTuple):
    """Samples, and what is known of each.

    Attributes:
        z: Positions, in latent units.
        distance: Geodesic distance of each to the mean.
        acceptance: Mean acceptance of its chain's HMC transitions.
        correction_acceptance: Likewise of the corrections of straight lengths to distances.
        n_divergent: Number of divergent trajectories on its way.
    """

    z: Float[Tensor, "n dim"]
    distance: Float[Tensor, " n"]
    acceptance: Float[Tensor, " n"]
    correction_acceptance: Float[Tensor, " n"]
    n_divergent: Float[Tensor, " n"]


class _State(NamedTuple):
    """Positions of the chains on π*, with their distances and log weights."""

    chains: hmc.HMCState
    distance: Float[Tensor, " n"]
    log_weight: Float[Tensor, " n"]


def riemannian_gaussian(
    metric: Metric,
    mean: Float[Tensor, " dim"],
    variance: float,
    n_samples: int,
    *,
    n_steps: int = 20,
    seed: int | None = None,
) -> GaussianSamples:
    """Draw from the Riemannian Gaussian of a metric; the same seed gives the same samples.

    Args:
        metric: The metric G, whose own geodesics measure distance.
        mean: Its mean μ: a code, or a `frechet_mean` of several.
        variance: Its variance σ, in squared lengths of G: where G is a code's posterior precision, a small one gives
            the posterior's covariance times the variance.
        n_samples: Chains, whose last states are the samples.
        n_steps: Corrections of each chain, each a search for shortest curves.
        seed: Seed of the draws; None takes a fresh one.

    Returns:
        The samples, in the metric's dtype and on its device. Where their ``correction_acceptance`` is low, straight
        lines from the mean are no guide to distances, and more steps are needed.

    Raises:
        ArgumentError: If the mean is not one finite position near the data, or a number is not positive.
        ArgumentTypeError: If an argument is not of the type that it should be.

    Example:
        >>> samples = riemannian_gaussian(sampler.metric_, code, 0.5, 64, seed=0)
        >>> variations = model.decode(samples.z)
    """
    natural("n_samples", n_samples)
    natural("n_steps", n_steps)
    guide = StraightGaussian(metric, _check_mean(metric, mean), positive("variance", variance))
    generator = make_generator(seed, metric.centroids.device)
    transition = _adapt(metric, guide, generator)
    state = _weigh(metric, guide, hmc.init(_start(metric, guide, n_samples, generator), guide.log_density_and_gradient))
    infos, corrections = [], []
    for _ in progress_bar(range(n_steps), desc="sample", unit="step"):
        chains, info = transition(state.chains)
        infos.append(info)
        for _ in range(N_GLOBAL_MOVES):
            moved, _ = independence.step(independence.init(chains.position, guide), guide, generator)
            chains, info = transition(hmc.init(moved.position, guide.log_density_and_gradient))
            infos.append(info)
        state, correction = _correct(state, _weigh(metric, guide, chains), generator)
        corrections.append(correction)
    return GaussianSamples(
        state.chains.position,
        state.distance,
        torch.stack([info.acceptance for info in infos]).mean(0),
        torch.stack(corrections).mean(0),
        torch.stack([info.is_divergent for info in infos]).to(state.distance).sum(0),
    )


def _start(metric: Metric, guide: StraightGaussian, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
    """Ends of Brownian walks; of shorter time than σ where their steps would be too long to be accepted."""
    time = min(guide.variance, N_START_STEPS / metric.dim)
    return walk(metric, guide.mean.expand(n, -1), generator, n_steps=N_START_STEPS, time=time).points[:, -1]


def _adapt(metric: Metric, guide: StraightGaussian, generator: torch.Generator) -> Transition:
    """HMC on π*: mass and step size from pilot chains."""
    pilot = _start(metric, guide, N_PILOT_CHAINS, generator)
    inverse_mass = pilot.var(0)
    if not (inverse_mass > 0).all():
        msg = "mean lies so far from the data that the metric is below the range of floats there; take one among them."
        raise ArgumentError(msg)
    step = partial(
        hmc.step,
        log_density_and_gradient=guide.log_density_and_gradient,
        generator=generator,
        inverse_mass=inverse_mass,
        n_leapfrog_steps=N_LEAPFROG_STEPS,
    )
    log_step_size = warm_up(
        lambda state, step_size: step(state, step_size=step_size),
        hmc.init(pilot, guide.log_density_and_gradient),
        N_WARM_UP,
    )
    return partial(step, step_size=log_step_size.exp())


def _weigh(metric: Metric, guide: StraightGaussian, chains: hmc.HMCState) -> _State:
    """The chains with their distances from the mean."""
    z = chains.position
    log_distance = shortest(OwnMetric(metric), guide.mean.expand(len(z), -1), z, knots=KNOTS).log_length
    log_weight = guide.energy(z) - (2 * log_distance).exp() / (2 * guide.variance)
    return _State(chains, log_distance.exp(), log_weight)


def _correct(state: _State, proposed: _State, generator: torch.Generator) -> tuple[_State, Float[Tensor, " n"]]:
    """What of the proposed is accepted, and the probabilities with which it was."""
    log_ratio = proposed.log_weight - state.log_weight
    accepted = metropolis_accept(log_ratio, generator)
    moved = _State(
        hmc.select(accepted, proposed.chains, state.chains),
        torch.where(accepted, proposed.distance, state.distance),
        torch.where(accepted, proposed.log_weight, state.log_weight),
    )
    return moved, acceptance_probability(log_ratio)


def _check_mean(metric: Metric, mean: Float[Tensor, " dim"]) -> Float[Tensor, "1 dim"]:
    if isinstance(mean, Tensor) and mean.shape != (metric.dim,):
        msg = f"mean must have shape ({metric.dim},), got {tuple(mean.shape)}."
        raise ArgumentError(msg)
    return finite_matrix("mean", mean[None] if isinstance(mean, Tensor) else mean).detach().to(metric.centroids)
