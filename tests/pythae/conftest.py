"""A trained model of pythae, and the drop-in fitted to it."""

from typing import Any

import pytest
from torch import Tensor

from riemann_sampler.pythae import RiemannianSampler, RiemannianSamplerConfig
from tests.helpers.models import make_digits_vae
from tests.helpers.pythae_samplers import FAST


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Tensor]:
    model, images = make_digits_vae(latent_dim=2, epochs=10)
    return model, images[:300]


@pytest.fixture
def fitted(trained: tuple[Any, Tensor]) -> RiemannianSampler:
    model, images = trained
    return RiemannianSampler(model, FAST).fit(images)


@pytest.fixture
def seeded(trained: tuple[Any, Tensor]) -> RiemannianSampler:
    model, images = trained
    return RiemannianSampler(model, RiemannianSamplerConfig(law="islands", n_centroids=None, seed=4)).fit(images)
