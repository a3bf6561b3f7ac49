"""The drop-in for pythae: its calls, on a model that stays as it was."""

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from pythae.data.datasets import BaseDataset, DatasetOutput
from pythae.samplers import BaseSampler, GaussianMixtureSampler, NormalSampler, NormalSamplerConfig
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import (
    ArgumentError,
    ArgumentTypeError,
    NotFittedError,
    RiemannianUniformSampler,
    UnsupportedModelError,
)
from riemann_sampler.pythae import GenerationPipeline, RiemannianSampler, RiemannianSamplerConfig
from riemann_sampler.settings import Settings
from tests.helpers.models import make_noisy_pythae_vae, make_pythae
from tests.helpers.pythae_samplers import FAST, native


class TestSignatures:
    @pytest.mark.parametrize("native", [NormalSampler, GaussianMixtureSampler])
    def test_sampling_takes_what_native_samplers_take(self, native: type) -> None:
        ours = inspect.signature(RiemannianSampler.sample).parameters
        theirs = inspect.signature(native.sample).parameters
        assert {name: p.default for name, p in ours.items()} == {name: p.default for name, p in theirs.items()}

    def test_it_is_a_sampler_of_pythae(self, fitted: RiemannianSampler) -> None:
        assert isinstance(fitted, BaseSampler)


class TestFit:
    def test_the_sampler_inside_has_the_settings(self, trained: Any) -> None:
        config = RiemannianSamplerConfig.from_preset("clusters", n_centroids=9)
        sampler = RiemannianSampler(trained[0], config)
        assert sampler.sampler.settings == config.settings()
        assert not sampler.is_fitted
        assert sampler.fit(trained[1]).is_fitted
        assert len(sampler.sampler.metric_.centroids) == 9

    def test_the_default_is_the_default_of_the_sampler(self, trained: Any) -> None:
        assert RiemannianSampler(trained[0]).sampler.settings == Settings()

    @pytest.mark.parametrize(
        "wrap",
        [
            Tensor.numpy,
            Tensor.double,
            lambda x: BaseDataset(x, torch.zeros(len(x))),
            lambda x: DatasetOutput(data=x),
            lambda x: TensorDataset(x, torch.zeros(len(x))),
            lambda x: DataLoader(BaseDataset(x, torch.zeros(len(x))), batch_size=70),
        ],
        ids=["array", "float64", "pythae dataset", "dataset output", "tensor dataset", "loader"],
    )
    def test_data_of_any_kind(self, trained: Any, fitted: RiemannianSampler, wrap: Any) -> None:
        sampler = RiemannianSampler(trained[0], FAST).fit(train_data=wrap(trained[1]))
        torch.testing.assert_close(sampler.sampler.posterior_.mean, fitted.sampler.posterior_.mean)

    def test_a_posterior(self, trained: Any, fitted: RiemannianSampler) -> None:
        sampler = RiemannianSampler(trained[0], FAST).fit(fitted.sampler.posterior_)
        assert torch.equal(sampler.sampler.posterior_.mean, fitted.sampler.posterior_.mean)

    def test_labels(self, trained: Any) -> None:
        sampler = RiemannianSampler(trained[0], FAST).fit(trained[1], labels=["a", "b"] * 150)
        assert list(sampler.sampler.metric_) == ["a", "b"]
        assert sampler.sample(5).shape == (5, 1, 8, 8)

    @pytest.mark.parametrize(("seed", "wanted"), [(None, 0), (7, 7)])
    def test_the_seed_is_that_of_the_configuration(self, trained: Any, seed: int | None, wanted: int) -> None:
        config = RiemannianSamplerConfig(centroid_covariance="cluster", law="islands", n_centroids=20, seed=seed)
        sampler = RiemannianSampler(trained[0], config).fit(trained[1])
        reference = RiemannianUniformSampler(trained[0], **asdict(config.settings()))
        found = sampler.sampler.metric_.centroids
        assert torch.equal(found, reference.fit(trained[1], seed=wanted).metric_.centroids)
        assert not torch.equal(found, reference.fit(trained[1], seed=1).metric_.centroids)

    def test_no_data_keeps_the_fit(self, fitted: RiemannianSampler) -> None:
        before = fitted.sampler.posterior_
        assert fitted.fit(train_data=None, eval_data=None, training_config=None) is fitted
        assert fitted.sampler.posterior_ is before

    def test_no_data_and_no_fit(self, trained: Any) -> None:
        with pytest.raises(NotFittedError, match=r"train_data is None, and there is no fit to keep: pass train_data"):
            RiemannianSampler(trained[0]).fit(None)

    @pytest.mark.usefixtures("without_type_checks")
    def test_arguments_that_are_not_known(self, trained: Any) -> None:
        with pytest.raises(TypeError, match="label_smoothing"):
            RiemannianSampler(trained[0]).fit(trained[1], label_smoothing=0.1)

    @pytest.mark.usefixtures("without_type_checks")
    def test_a_configuration_of_another_sampler(self, trained: Any) -> None:
        with pytest.raises(ArgumentTypeError, match=r"must be a RiemannianSamplerConfig, .* NormalSamplerConfig"):
            RiemannianSampler(trained[0], NormalSamplerConfig())

    def test_a_model_without_a_posterior(self) -> None:
        with pytest.raises(UnsupportedModelError, match="AE"):
            RiemannianSampler(make_pythae("AE"))


class TestSample:
    def test_the_samples_are_those_of_the_sampler(self, seeded: RiemannianSampler) -> None:
        wanted = seeded.sampler.sample(6, seed=4)
        samples = seeded.sample(6)
        assert isinstance(samples, Tensor)
        assert torch.equal(samples, wanted)
        for batch_size in (1, 4):
            torch.testing.assert_close(seeded.sample(6, batch_size), wanted)

    def test_without_a_seed_each_call_is_new(self, fitted: RiemannianSampler) -> None:
        assert not torch.equal(fitted.sample(3), fitted.sample(3))

    def test_shapes_and_dtypes_are_those_of_native_samplers(self, fitted: RiemannianSampler, trained: Any) -> None:
        with torch.random.fork_rng():
            theirs = native(trained[0]).sample(num_samples=5, batch_size=2)
        ours = fitted.sample(num_samples=5, batch_size=2)
        assert isinstance(ours, Tensor)
        assert (ours.shape, ours.dtype, ours.requires_grad) == (theirs.shape, theirs.dtype, theirs.requires_grad)
        assert fitted.sample().shape == (1, 1, 8, 8)
        assert fitted.sample(0).shape == (0, 1, 8, 8)

    def test_they_are_samples_of_the_data(self, fitted: RiemannianSampler, trained: Any) -> None:
        """Nearer to digits than draws of the prior: the chain of calls loses nothing on the way."""
        ours = fitted.sample(400)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            theirs = native(trained[0]).sample(400)
        assert isinstance(ours, Tensor)
        mean_distance = [torch.cdist(x.flatten(1), trained[1].flatten(1)).amin(1).mean() for x in (ours, theirs)]
        assert mean_distance[0] < mean_distance[1]

    @pytest.mark.usefixtures("without_type_checks")
    def test_before_a_fit(self, trained: Any, tmp_path: Path) -> None:
        for output_dir in (None, tmp_path / "images"):
            with pytest.raises(NotFittedError, match="not fitted"):
                RiemannianSampler(trained[0]).sample(2, output_dir=output_dir)

    @pytest.mark.parametrize("arguments", [{"num_samples": -1}, {"batch_size": 0}])
    def test_numbers_that_are_too_small(self, fitted: RiemannianSampler, arguments: dict[str, int]) -> None:
        with pytest.raises(ArgumentError, match=f"{next(iter(arguments))} must be at least"):
            fitted.sample(**arguments)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the model is untrained
@pytest.mark.parametrize("training", [True, False])
def test_the_model_and_the_random_state_stay(training: bool, tmp_path: Path) -> None:
    model = make_noisy_pythae_vae().train(training)
    model.encoder.trunk[3].train(not training)
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = traces(model), random_states()
    sampler = RiemannianSampler(model, FAST).fit(images)
    sampler.sample(3, output_dir=tmp_path / "images", save_sampler_config=True)
    sampler.save(tmp_path / "sampler")
    RiemannianSampler.load_from_folder(tmp_path / "sampler", model).sample(2)
    GenerationPipeline(model, FAST)(num_samples=2, train_data=images)
    assert (traces(model), random_states()) == before
