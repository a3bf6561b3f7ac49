"""Seconds of what is too slow to be waited for: one batch for one transition, times batches and transitions."""

import time
from typing import Any

import torch
from pythae.samplers import RHVAESampler, RHVAESamplerConfig

from riemann_sampler import DiagonalMetric, GaussianPosterior
from riemann_sampler.encoding import StreamedPosteriors
from riemann_sampler.laws import nearest_temperature
from riemann_sampler.mcmc import split_r_hat
from riemann_sampler.metric import posterior_centroids

from ...harness.isolation import set_apart
from ...samplers.baselines import PublishedDynamics
from ...samplers.native import LARGEST_TENSOR
from ...samplers.published import N_TRANSITIONS, published_samples
from .stub import make_rhvae

__all__ = ["Published", "rhvae_seconds"]

CHAINS_AT_A_TIME = 100
"""Chains that the published code runs side by side."""


class Published:
    """The published dynamics at their own settings, with float32 posteriors as they come from a model.

    Args:
        posterior: Posteriors of the training data.
    """

    def __init__(self, posterior: GaussianPosterior) -> None:
        start = time.perf_counter()
        centroids = posterior_centroids(StreamedPosteriors(posterior), PublishedDynamics.N_CENTROIDS, 0)
        temperature = nearest_temperature(centroids.means)
        self.fit_seconds = time.perf_counter() - start
        self._places = posterior.mean, centroids.means, centroids.precisions
        self._scalars = {"temperature": temperature, "regularization": PublishedDynamics.REGULARIZATION}

    def sample_seconds(self, n_samples: int, n_timed: int) -> float:
        """Seconds of so many samples by d×d tensors, from the fastest of this many transitions of one batch."""
        seconds = min(self._transition_seconds() for _ in range(n_timed))
        return seconds * N_TRANSITIONS * n_samples / CHAINS_AT_A_TIME

    def _transition_seconds(self) -> float:
        start = time.perf_counter()
        self._run(CHAINS_AT_A_TIME, n_transitions=1, dense=True)
        return time.perf_counter() - start

    def log_volume_r_hat(self, n_samples: int) -> float:
        """Split R-hat of log √det G over the last half of the transitions, as our diagnostics have it."""
        metric = DiagonalMetric(*self._places[1:], decay=1e-10, **self._scalars)
        trace: list[torch.Tensor] = []
        self._run(n_samples, observe=lambda z: trace.append(metric.log_volume(z)))
        return split_r_hat(torch.stack(trace[N_TRANSITIONS // 2 :]).double().numpy())

    def _run(self, n_samples: int, **arguments: Any) -> None:
        generator = torch.Generator().manual_seed(0)
        published_samples(*self._places, **self._scalars, n_samples=n_samples, generator=generator, **arguments)


def rhvae_seconds(posterior: GaussianPosterior, n_samples: int) -> float:
    """Seconds that pythae's RHVAESampler would take, from one transition of as many chains as its tensors allow."""
    model = make_rhvae(posterior)
    n_transitions = RHVAESamplerConfig().mcmc_steps_nbr
    tensor_bytes = model.M_tens.numel() * model.M_tens.element_size()
    n_chains = max(1, min(n_samples, LARGEST_TENSOR // tensor_bytes))
    with set_apart():
        sampler = RHVAESampler(model, RHVAESamplerConfig(mcmc_steps_nbr=1))
        start = time.perf_counter()
        sampler.hmc_sampling(n_chains)
        seconds = time.perf_counter() - start
    return seconds * n_transitions * n_samples / n_chains
