"""pythae's own samplers, as they come, but without what they would leave behind.

Left alone they move the user's model and put it into evaluation mode for good, train nets in a folder that they make,
set the global random states to their own seed, and may return data in the order of a mixture's components.
"""

import copy
import tempfile
import time
from typing import Any

import torch
from jaxtyping import Float
from pythae import samplers
from pythae.models import RHVAE
from pythae.models.rhvae.rhvae_utils import create_inverse_metric, create_metric
from pythae.trainers import BaseTrainerConfig
from torch import Tensor
from typing_extensions import Self

from ..harness.isolation import set_apart
from .interface import Task

__all__ = ["Native", "TooSlowError"]

BATCH = 500
"""Samples at a time, pythae's default."""

LARGEST_TENSOR = 24 * 2**20
"""Bytes that each of the (chains, centroids, dim, dim) tensors of RHVAESampler may take. It holds a few of them; from
32 MiB on, where every one is new memory from the system, it takes twice as long."""


class TooSlowError(Exception):
    """A sampler would take longer than it is given."""


class Native:
    """A sampler of pythae with its default configuration.

    Args:
        name: Its class in ``pythae.samplers``.
        n_epochs: Passes over the codes, where a net is trained on them.
        time_limit: Seconds that the chains of RHVAESampler may take, extrapolated from one transition of one batch.
    """

    def __init__(self, name: str, *, n_epochs: int = 100, time_limit: float = 600.0) -> None:
        self._make = getattr(samplers, name)
        self._n_epochs, self._time_limit = n_epochs, time_limit

    def fit(self, task: Task, seed: int) -> Self:
        """Fit on a copy of the model; pythae raises an AssertionError for data that do not reach from 0 to 1."""
        with set_apart(seed), tempfile.TemporaryDirectory() as folder:
            self._sampler = self._make(_own_copy(task.model))
            training = BaseTrainerConfig(output_dir=folder, num_epochs=self._n_epochs, seed=seed)
            self._sampler.fit(task.train, training_config=training)
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n_samples ..."]:
        """Generate and shuffle; a `TooSlowError` if that would take too long."""
        n_drawn, batch_size = _plan(self._sampler, n_samples)
        with set_apart(seed):
            if isinstance(self._sampler, samplers.RHVAESampler):
                self._check_time(n_drawn, batch_size)
            generated = self._sampler.sample(n_drawn, batch_size=batch_size)
            return generated[torch.randperm(n_drawn)[:n_samples]].cpu()

    def _check_time(self, n_samples: int, batch_size: int) -> None:
        n_transitions, self._sampler.mcmc_steps_nbr = self._sampler.mcmc_steps_nbr, 1
        n_chains = min(batch_size, n_samples)
        start = time.perf_counter()
        self._sampler.hmc_sampling(n_chains)
        seconds = (time.perf_counter() - start) * n_transitions * n_samples / n_chains
        self._sampler.mcmc_steps_nbr = n_transitions
        if seconds > self._time_limit:
            msg = f"{n_samples:,} samples would take {seconds / 3600:.1f} hours; the limit is {self._time_limit:.0f} s"
            raise TooSlowError(msg)


def _own_copy(model: Any) -> Any:
    """A deep copy of the model, whose metric, if it has one, no longer reads the model's tensors."""
    own = copy.deepcopy(model)
    if isinstance(own, RHVAE):
        own.G, own.G_inv = create_metric(own), create_inverse_metric(own)
    return own


def _plan(sampler: samplers.BaseSampler, n_samples: int) -> tuple[int, int]:
    """How many to draw, and how many at a time.

    A batch of VAMPSampler takes that many pseudo-inputs from the first on, so that only whole rounds are fair.
    """
    if isinstance(sampler, samplers.VAMPSampler):
        n_components = sampler.model.number_components
        return -(-n_samples // n_components) * n_components, n_components
    if isinstance(sampler, samplers.RHVAESampler):
        metrics = sampler.model.M_tens
        return n_samples, max(1, min(BATCH, LARGEST_TENSOR // (metrics.numel() * metrics.element_size())))
    return n_samples, BATCH
