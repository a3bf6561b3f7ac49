"""What `RiemannianUniformSampler` refuses, and what it leaves as it was."""

import random
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.harness.snapshots import traces
from riemann_sampler import (
    ArgumentError,
    ArgumentTypeError,
    CollapseWarning,
    DataError,
    GaussianPosterior,
    NotFittedError,
    RiemannianUniformSampler,
    RiemannSamplerWarning,
)
from tests.helpers.builders import TwoHalves, data, fitted, posterior, shared
from tests.helpers.models import digit_images, make_plain_vae


@pytest.mark.parametrize("accessor", ["posterior_", "metric_", "temperature_", "diagnostics_"])
def test_an_unfitted_sampler_has_no_results(accessor: str) -> None:
    with pytest.raises(NotFittedError, match=r"this RiemannianUniformSampler is not fitted; call fit\(data\) first\."):
        getattr(RiemannianUniformSampler(TwoHalves()), accessor)
    assert not hasattr(RiemannianUniformSampler(TwoHalves()), accessor)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [("sample", [3]), ("sample_latents", [3]), ("sample", [0]), ("summary", []), ("save", ["x"])],
)
def test_an_unfitted_sampler_does_nothing(method: str, arguments: list[Any]) -> None:
    with pytest.raises(NotFittedError, match=r"is not fitted; call fit\(data\) first\."):
        getattr(RiemannianUniformSampler(TwoHalves()), method)(*arguments)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("method", ["sample", "sample_latents"])
def test_bad_numbers_of_samples_and_seeds(method: str) -> None:
    draw = getattr(shared("calibrated"), method)
    with pytest.raises(ArgumentError, match=r"^n_samples must be at least 0, got -1\.$"):
        draw(-1)
    with pytest.raises(ArgumentTypeError, match=r"^n_samples must be a whole number, got 2\.0 of type float\.$"):
        draw(2.0)
    with pytest.raises(ArgumentError, match=r"^seed must be at least 0, got -5\.$"):
        draw(2, seed=-5)
    with pytest.raises(ArgumentTypeError, match=r"^seed must be a whole number, got 'x' of type str\.$"):
        draw(2, seed="x")


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("seed", [-1, None, 1.5])
def test_bad_seeds_of_a_fit(seed: Any) -> None:
    with pytest.raises((ArgumentError, ArgumentTypeError), match=r"^seed must be "):
        RiemannianUniformSampler(TwoHalves()).fit(data(), seed=seed)


def test_large_seeds() -> None:
    sampler = RiemannianUniformSampler(TwoHalves(), n_centroids=20, temperature=1.0, n_steps=5, n_warmup=5)
    sampler.fit(data(), seed=2**40)
    assert sampler.sample_latents(3, seed=2**100).z.isfinite().all()


def test_bad_batch_sizes() -> None:
    with pytest.raises(ArgumentError, match=r"^batch_size must be at least 1, got 0\.$"):
        shared("calibrated").sample(2, batch_size=0)


def test_without_a_model_there_are_latents_but_no_samples() -> None:
    sampler = RiemannianUniformSampler.from_preset("calibrated").fit(posterior(60))
    assert sampler.sample_latents(3).z.shape == (3, 2)
    with pytest.raises(ArgumentError, match=r"^model is None, so latents cannot be decoded; use sample_latents"):
        sampler.sample(3)


def test_posteriors_of_another_dimension_than_the_models() -> None:
    with pytest.raises(DataError, match=r"^the model has latent_dim=2, but the posteriors have 3 dimensions\.$"):
        RiemannianUniformSampler(TwoHalves()).fit(posterior(60, 3))


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    "bad", [torch.Tensor.numpy, torch.Tensor.int, torch.Tensor.tolist], ids=["ndarray", "int", "list"]
)
def test_posteriors_that_are_no_floating_point_tensors(bad: Any) -> None:
    codes = GaussianPosterior(*map(bad, posterior(60)))
    with pytest.raises((ArgumentTypeError, DataError), match=r"mean .*floating-point tensor"):
        RiemannianUniformSampler().fit(codes)


def test_untrained_models() -> None:
    x = data()
    x[:, :2] = 0.5
    with pytest.raises(DataError, match=r"^latents: all 60 codes are identical, so there is no geometry to learn"):
        fitted("uniform", x)


def test_collapsed_units_warn() -> None:
    x = data()
    x[:, 1] *= 1e-4
    with pytest.warns(CollapseWarning, match=r"1 of 2 latent units are inactive \(posterior collapse\): \[1\]\."):
        fitted("calibrated", x)


def test_a_failed_fit_leaves_the_one_before() -> None:
    sampler = fitted("calibrated")
    before = sampler.sample_latents(5, seed=0).z
    with pytest.raises(DataError, match="NaN"):
        sampler.fit(torch.full((9, 4), torch.nan))
    assert torch.equal(sampler.sample_latents(5, seed=0).z, before)


def test_a_new_fit_replaces_the_one_before() -> None:
    sampler = fitted("calibrated")
    sampler.fit(data(seed=5, n=40))
    fresh = fitted("calibrated", data(seed=5, n=40))
    assert torch.equal(sampler.sample_latents(5, seed=0).z, fresh.sample_latents(5, seed=0).z)
    assert sampler.diagnostics_.n_codes == 40


@pytest.mark.usefixtures("without_type_checks")  # they draw from Python's generator
def test_the_model_and_the_global_random_states_are_left_as_they_were() -> None:
    model, images = make_plain_vae(), digit_images()[:80]
    model.train()
    images_before, model_before = images.clone(), traces(model)
    states = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RiemannSamplerWarning)  # it is untrained
        sampler = RiemannianUniformSampler(model, n_warmup=5, n_steps=5).fit(images, labels=[0, 1] * 40)
    sampler.sample(10, label=0)
    sampler.sample(10, label=1, seed=1)
    assert traces(model) == model_before
    assert torch.equal(images, images_before)
    after = torch.get_rng_state(), str(np.random.get_state()), random.getstate()  # noqa: NPY002
    assert torch.equal(states[0], after[0])
    assert states[1:] == after[1:]
