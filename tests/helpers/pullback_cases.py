"""Autoencoders for the tests of metric="pullback", and the covariances that they should get."""

from typing import Any

import torch
from torch import Tensor

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from tests.helpers.models import digit_images, make_pythae

DIM = 2
IMAGES = digit_images()[:60]
OFFER = r'metric="pullback" takes the covariance from its decoder instead'


def make(name: str) -> Any:
    """An autoencoder of pythae, its weights large enough that codes and images differ."""
    deterministic = {"deterministic_posterior": True} if name.startswith("deterministic") else {}
    model = make_pythae(name.split()[-1], latent_dim=DIM, **deterministic)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.train()


def expected(model: Any, x: Tensor, noise_variance: float) -> GaussianPosterior:
    """Codes, and log-variances by torch's slow way, a row at a time."""
    codes = model.encoder(x).embedding.detach()
    jacobians = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda row: model.decoder(row[None]).reconstruction.flatten(), row)
            for row in codes
        ]
    )
    return GaussianPosterior(codes, -(jacobians.square().sum(1) / noise_variance + 1).log())


def mean_squared_error(model: Any, x: Tensor) -> float:
    error: Tensor = x - model.decoder(model.encoder(x).embedding).reconstruction
    return error.square().mean().item()


def fit(model: Any, data: Any = IMAGES, **arguments: Any) -> Any:
    arguments = {"law": "islands", "metric": "pullback", **arguments}
    return RiemannianUniformSampler(model, **arguments).fit(data)
