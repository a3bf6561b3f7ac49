"""A model of pythae that encodes rows to given codes and copies latent positions into rows.

Samplers of pythae want a model and data in [0, 1]; with this one next to no time is spent in nets that are not theirs.
"""

import numpy as np
import torch
from pythae.models import RHVAE, VAE, RHVAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import Tensor

from riemann_sampler import GaussianPosterior
from riemann_sampler.adapters import as_latent_model

from ...harness.isolation import set_apart
from ...samplers.interface import Task

__all__ = ["make_rhvae", "make_task"]


class Encoder(BaseEncoder):
    """Rows in [0, 1] to a mean and a log-variance, side by side: low + range · x."""

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self._low, self._range = low, high - low

    def forward(self, x: Tensor) -> ModelOutput:
        """The posterior of each row."""
        mean, log_variance = (self._low + self._range * x).chunk(2, 1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """Positions twice, side by side: as wide as the data, since pythae computes its models' losses even here."""

    def forward(self, z: Tensor) -> ModelOutput:
        """The rows."""
        return ModelOutput(reconstruction=torch.cat([z, z], 1))


def make_task(posterior: GaussianPosterior) -> Task:
    """A task whose model encodes the training data to these posteriors, up to rounding."""
    rows = torch.cat(posterior, 1)
    low, high = rows.min().item(), rows.max().item()
    train = (rows - low) / (rows.max() - rows.min())  # the largest is 1 exactly, as pythae wants it
    dim = posterior.mean.shape[1]
    with set_apart():
        config = VAEConfig(input_dim=(2 * dim,), latent_dim=dim)
        model = VAE(config, encoder=Encoder(low, high), decoder=Decoder())
    labels = np.zeros(len(train), dtype=int)
    return Task(model, as_latent_model(model), posterior, train, labels, train[:1])


def make_rhvae(posterior: GaussianPosterior) -> RHVAE:
    """An RHVAE whose metric has every code as a centroid, as that of a trained one has."""
    dim = posterior.mean.shape[1]
    with set_apart():
        config = RHVAEConfig(input_dim=(2 * dim,), latent_dim=dim)
        model = RHVAE(config, encoder=Encoder(0, 1), decoder=Decoder())
    model.centroids_tens = posterior.mean
    model.M_tens = torch.diag_embed(posterior.log_variance.exp())
    return model
