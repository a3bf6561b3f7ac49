"""Every usable model of pythae, trained by pythae: wrapped, fitted, sampled, and left as it was."""

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.harness.isolation import set_apart
from benchmarks.harness.snapshots import random_states, traces
from benchmarks.models.zoo import Trained
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import PythaeAdapter, as_latent_model
from riemann_sampler.adapters import pythae as adapter_module
from riemann_sampler.errors import ArgumentError
from tests.helpers.pullback_cases import IMAGES, make


def zoo() -> Any:
    with set_apart():
        from benchmarks.models.zoo import pythae
    return pythae


@cache
def trained(name: str) -> Trained:
    found: Trained = zoo().MODELS[name]()
    return found


@pytest.fixture(params=sorted(adapter_module.USABLE))
def case(request: pytest.FixtureRequest) -> Trained:
    return trained(request.param)


def mean_squared_error(a: Tensor, b: Tensor) -> float:
    return (a - b).square().mean().item()


def test_the_zoo_is_what_the_adapter_knows() -> None:
    assert set(zoo().USABLE) == adapter_module.USABLE
    assert set(zoo().REFUSED) == {*adapter_module.REASONS, "deterministic Adversarial_AE"}


@pytest.mark.slow
def test_the_codes_carry_the_images(case: Trained) -> None:
    adapter = as_latent_model(case.model)
    posterior = adapter.encode(case.data)
    assert type(adapter) is PythaeAdapter
    units = posterior.mean.var(0) / (posterior.mean.var(0) + posterior.log_variance.exp().mean(0))
    assert units.max() > 0.01, "posterior collapse: the model has not been trained"
    if case.model.model_name != "VAEGAN":  # whose loss is not measured in pixels
        reconstructions = adapter.decode(posterior.mean)
        assert mean_squared_error(reconstructions, case.data) < 0.7 * mean_squared_error(case.data.mean(0), case.data)


@pytest.mark.slow
def test_samples_are_near_the_codes_and_in_the_range_of_images(case: Trained) -> None:
    sampler = RiemannianUniformSampler(case.model, n_centroids=100, n_steps=5, n_warmup=5).fit(case.data, seed=0)
    drawn = sampler.sample_latents(200, seed=0)
    images = sampler.sample(200, seed=0)
    assert torch.equal(images, as_latent_model(case.model).decode(drawn.z))
    assert images.shape == (200, *case.data.shape[1:])
    assert images.min() >= 0
    assert images.max() <= 1
    posterior = sampler.posterior_
    far = posterior.mean.mean(0) + 4 * posterior.mean.std(0) * torch.ones_like(drawn.z)
    distances = [torch.cdist(z, posterior.mean).min(1).values.mean() for z in (drawn.z, far)]
    assert distances[0] < 0.5 * distances[1]


@pytest.mark.slow
@pytest.mark.usefixtures("without_type_checks")
def test_the_model_and_the_random_state_are_left_as_they_were(case: Trained) -> None:
    case.model.train()
    before, states = traces(case.model), random_states()
    sampler = RiemannianUniformSampler(case.model, n_centroids=30, n_steps=3, n_warmup=3)
    first = sampler.fit(case.data, seed=0).sample(5, seed=0)
    assert traces(case.model) == before
    assert random_states() == states
    case.model.eval()
    assert torch.equal(first, sampler.fit(case.data, seed=0).sample(5, seed=0))


@pytest.mark.slow
def test_pseudo_inputs_are_centroids_beside_those_of_the_data() -> None:
    case = trained("VAMP")
    n_pseudo_inputs = zoo().USABLE["VAMP"]["number_components"]
    samplers = {
        source: RiemannianUniformSampler(
            case.model, centroids=source, n_centroids=n_pseudo_inputs, n_steps=10, n_warmup=10
        ).fit(case.data)
        for source in ("data", "pseudo_inputs")
    }
    # Both stand for the aggregate posterior; k-means stands nearer to it, for it has seen the codes.
    codes = samplers["data"].posterior_.mean
    distances = {
        source: torch.cdist(codes.double(), sampler.metric_.centroids).min(1).values.mean().item()
        for source, sampler in samplers.items()
    }
    spread = codes.sub(codes.mean(0)).norm(dim=1).mean().item()
    assert distances["data"] < distances["pseudo_inputs"] < spread
    assert samplers["data"].settings.centroids == "data"


@pytest.fixture
def vamp() -> Any:
    """One that is not trained, with weights so large that codes differ."""
    return make("VAMP")


def test_pseudo_inputs_are_centroids(vamp: Any) -> None:
    sampler = RiemannianUniformSampler(vamp, centroids="pseudo_inputs", n_centroids=None, n_steps=3, n_warmup=3)
    metric = sampler.fit(IMAGES).metric_
    with torch.no_grad():
        inputs = vamp.pseudo_inputs(vamp.idle_input).reshape(-1, *IMAGES.shape[1:])
        wanted = vamp.encoder(inputs)
    rows = torch.cdist(metric.centroids, wanted.embedding.double()).argmin(1)
    torch.testing.assert_close(metric.centroids, wanted.embedding.double()[rows])
    torch.testing.assert_close(metric.precisions, (-wanted.log_covariance.double()[rows]).exp())
    assert 1 < len(rows.unique()) == len(metric.centroids) <= len(inputs)
    assert sampler.sample(20, seed=0).shape == (20, *IMAGES.shape[1:])


@pytest.mark.parametrize("name", ["VAE", None])
def test_only_vamp_has_pseudo_inputs(name: str | None) -> None:
    model = make("VAE")
    sampler = RiemannianUniformSampler(model if name else None, centroids="pseudo_inputs")
    data: Any = IMAGES if name else as_latent_model(model).encode(IMAGES)
    with pytest.raises(ArgumentError, match="needs a model that has learnt pseudo-inputs, such as pythae's VAMP"):
        sampler.fit(data)


def test_pseudo_inputs_have_no_labels_and_no_clusters(vamp: Any) -> None:
    with pytest.raises(ArgumentError, match="centroids='pseudo_inputs' belong to no label"):
        RiemannianUniformSampler(vamp, centroids="pseudo_inputs").fit(IMAGES, labels=[0] * len(IMAGES))
    with pytest.raises(ArgumentError, match="they need centroid_covariance='posterior'"):
        RiemannianUniformSampler(vamp, centroids="pseudo_inputs", centroid_covariance="cluster")


def test_pseudo_inputs_are_restored(tmp_path: Any, vamp: Any) -> None:
    sampler = RiemannianUniformSampler(vamp, centroids="pseudo_inputs", n_steps=3, n_warmup=3).fit(IMAGES)
    sampler.save(tmp_path)
    loaded = RiemannianUniformSampler.load(tmp_path, vamp)
    assert loaded.settings == sampler.settings
    assert torch.equal(loaded.sample(4, seed=1), sampler.sample(4, seed=1))
