"""The drop-in for pythae: its calls, files and configurations, on a model that stays as it was."""

import inspect
from dataclasses import asdict
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import numpy as np
import pytest
import torch
from pythae.data.datasets import BaseDataset, DatasetOutput
from pythae.pipelines import GenerationPipeline as NativePipeline
from pythae.samplers import (
    BaseSampler,
    GaussianMixtureSampler,
    GaussianMixtureSamplerConfig,
    NormalSampler,
    NormalSamplerConfig,
)
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    NotFittedError,
    RiemannianUniformSampler,
    StorageError,
    UnsupportedModelError,
)
from riemann_sampler.adapters.pythae_folder import load_pythae
from riemann_sampler.pythae import GenerationPipeline, RiemannianSampler, RiemannianSamplerConfig
from riemann_sampler.settings import PRESETS, Settings
from tests.helpers.builders import TwoHalves
from tests.helpers.builders import data as latent_data
from tests.helpers.models import make_digits_vae, make_noisy_pythae_vae, make_pythae

FAST = RiemannianSamplerConfig(law="islands", n_centroids=None)


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


def native(model: Any) -> NormalSampler:
    """A sampler of pythae's own, around a model of its own to move and change."""
    own = make_pythae("VAE", latent_dim=2)
    own.load_state_dict(model.state_dict())
    return NormalSampler(own)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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


class TestImages:
    def test_files_are_named_as_native_samplers_name_them(
        self, fitted: RiemannianSampler, trained: Any, tmp_path: Path
    ) -> None:
        with torch.random.fork_rng():
            theirs = native(trained[0]).sample(5, 2, str(tmp_path / "theirs"), return_gen=False)
        assert fitted.sample(5, 2, str(tmp_path / "new" / "ours"), return_gen=False) is theirs is None
        assert names(tmp_path / "new" / "ours") == names(tmp_path / "theirs") == [f"{i:08d}.png" for i in range(5)]

    def test_files_are_those_that_native_samplers_write(
        self, seeded: RiemannianSampler, trained: Any, tmp_path: Path
    ) -> None:
        samples = seeded.sample(4, output_dir=tmp_path / "ours")
        assert isinstance(samples, Tensor)
        assert torch.equal(samples, seeded.sampler.sample(4, seed=4))
        (tmp_path / "theirs").mkdir()
        writer = native(trained[0])
        for index, image in enumerate(samples):
            writer.save_img(image, str(tmp_path / "theirs"), f"{index:08d}.png")
        for name in names(tmp_path / "theirs"):
            ours, theirs = (imageio.imread(tmp_path / side / name).astype(int) for side in ("ours", "theirs"))
            assert ours.shape == theirs.shape
            assert set(np.unique(ours - theirs)) <= {0, 1}  # they cut fractions off
        pixels = imageio.imread(tmp_path / "ours" / "00000002.png")
        wanted = (255 * samples[2, 0]).round().numpy().astype("uint8")
        assert pixels.shape == (8, 8, 3)
        assert all(np.array_equal(pixels[:, :, channel], wanted) for channel in range(3))
        assert wanted.min() < wanted.max()

    def test_values_beyond_black_and_white_are_clamped(self, tmp_path: Path) -> None:
        model = Painter()
        RiemannianSampler(model, FAST).fit(latent_data()).sample(2, output_dir=tmp_path)
        pixels = imageio.imread(tmp_path / "00000001.png")
        assert pixels.tolist() == [[[0, 128, 255], [255, 0, 128]]]

    def test_what_is_no_image_is_refused_before_anything_is_drawn(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sampler = RiemannianSampler(TwoHalves(), FAST).fit(latent_data())
        drawn = []
        sample_latents = sampler.sampler.sample_latents

        def spy(n: int, **arguments: Any) -> Any:
            drawn.append(n)
            return sample_latents(n, **arguments)

        monkeypatch.setattr(sampler.sampler, "sample_latents", spy)
        message = r"samples of shape \(n, 1 or 3, height, width\), got \(0, 1, 4\)"
        with pytest.raises(DataError, match=message):
            sampler.sample(3, output_dir=tmp_path / "images")
        assert set(drawn) <= {0}
        assert not (tmp_path / "images").exists()
        assert sampler.sample(3).shape == (3, 1, 4)

    def test_nothing_is_printed(
        self, fitted: RiemannianSampler, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        fitted.sample(2, output_dir=tmp_path / "images")
        assert capsys.readouterr().out == ""

    def test_the_configuration_beside_the_images(self, fitted: RiemannianSampler, tmp_path: Path) -> None:
        fitted.sample(2, output_dir=tmp_path, save_sampler_config=True)
        assert names(tmp_path) == ["00000000.png", "00000001.png", "sampler_config.json"]
        assert RiemannianSamplerConfig.from_json_file(tmp_path / "sampler_config.json") == FAST

    def test_a_configuration_without_a_folder(self, fitted: RiemannianSampler) -> None:
        with pytest.raises(ArgumentError, match=r"save_sampler_config=True writes into output_dir, which is None"):
            fitted.sample(2, save_sampler_config=True)


class Painter(TwoHalves):
    """Decodes every code to one picture of two pixels and three channels, with values beyond [0, 1]."""

    def decode(self, z: Tensor) -> Tensor:
        picture = torch.tensor([[[-0.3, 1.1]], [[0.5, -9.0]], [[1.5, 0.5]]])
        return picture.expand(len(z), *picture.shape)


class TestStorage:
    @pytest.mark.filterwarnings("ignore::riemann_sampler.RiemannSamplerWarning")  # of the preset "paper"
    @pytest.mark.parametrize("preset", PRESETS)
    def test_a_loaded_sampler_draws_bit_equal(self, preset: Any, trained: Any, tmp_path: Path) -> None:
        config = RiemannianSamplerConfig.from_preset(preset, n_centroids=20, n_steps=5, seed=2)
        saved = RiemannianSampler(trained[0], config).fit(trained[1])
        saved.save(str(tmp_path / "new" / "sampler"))
        loaded = RiemannianSampler.load_from_folder(str(tmp_path / "new" / "sampler"), trained[0])
        assert loaded.sampler_config == config
        assert loaded.is_fitted
        assert torch.equal(loaded.sample(9), saved.sample(9))

    def test_on_any_device(self, device: str, trained: Any, tmp_path: Path) -> None:
        model = make_pythae("VAE", latent_dim=2)
        model.load_state_dict(trained[0].state_dict())
        model.to(device)
        config = RiemannianSamplerConfig(n_centroids=20, n_steps=5, seed=2)
        saved = RiemannianSampler(model, config).fit(trained[1])
        saved.save(tmp_path)
        samples = RiemannianSampler.load_from_folder(tmp_path, model).sample(9)
        assert isinstance(samples, Tensor)
        assert samples.device.type == device
        assert torch.equal(samples, saved.sample(9))

    def test_a_loaded_sampler_can_be_fitted_again(
        self, fitted: RiemannianSampler, trained: Any, tmp_path: Path
    ) -> None:
        fitted.save(tmp_path)
        loaded = RiemannianSampler.load_from_folder(tmp_path, trained[0]).fit(trained[1][:200])
        assert len(loaded.sampler.posterior_.mean) == 200

    def test_it_may_lie_beside_the_model(self, fitted: RiemannianSampler, trained: Any, tmp_path: Path) -> None:
        trained[0].save(str(tmp_path))
        fitted.save(tmp_path)
        loaded = RiemannianSampler.load_from_folder(tmp_path, load_pythae(tmp_path))
        assert torch.equal(loaded.sampler.sample(3, seed=1), fitted.sampler.sample(3, seed=1))

    def test_an_unfitted_sampler_is_not_saved(self, trained: Any, tmp_path: Path) -> None:
        with pytest.raises(NotFittedError, match="not fitted"):
            RiemannianSampler(trained[0]).save(tmp_path / "sampler")
        assert not (tmp_path / "sampler").exists()

    def test_a_missing_folder(self, trained: Any, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match=r"nowhere holds no saved sampler: there is no sampler_config\.json\."):
            RiemannianSampler.load_from_folder(tmp_path / "nowhere", trained[0])

    @pytest.mark.parametrize(
        "content",
        [
            "",
            '{"name": "Riem',
            "[]",
            "{}",
            '{"name": "RiemannianSamplerConfig", "law": "mine"}',
            '{"name": "X", "y": 1}',
        ],
    )
    def test_a_foreign_configuration(
        self, content: str, fitted: RiemannianSampler, trained: Any, tmp_path: Path
    ) -> None:
        fitted.save(tmp_path)
        (tmp_path / "sampler_config.json").write_text(content)
        with pytest.raises(StorageError, match=r"sampler_config\.json is damaged, or not of a RiemannianSampler: "):
            RiemannianSampler.load_from_folder(tmp_path, trained[0])

    def test_a_native_configuration(self, fitted: RiemannianSampler, trained: Any, tmp_path: Path) -> None:
        fitted.save(tmp_path)
        NormalSamplerConfig().save_json(tmp_path, "sampler_config")
        with pytest.raises(StorageError, match=r"is not of a RiemannianSampler: its name is 'NormalSamplerConfig'\."):
            RiemannianSampler.load_from_folder(tmp_path, trained[0])

    def test_a_configuration_without_its_fit(self, fitted: RiemannianSampler, trained: Any, tmp_path: Path) -> None:
        fitted.sample(1, output_dir=tmp_path, save_sampler_config=True)
        with pytest.raises(StorageError, match=r"holds no saved sampler: there is no config\.json\."):
            RiemannianSampler.load_from_folder(tmp_path, trained[0])

    def test_a_configuration_of_another_fit(self, fitted: RiemannianSampler, trained: Any, tmp_path: Path) -> None:
        fitted.save(tmp_path)
        RiemannianSamplerConfig().save_json(tmp_path, "sampler_config")
        with pytest.raises(StorageError, match=r"its fit has other settings than sampler_config\.json\. Save it again"):
            RiemannianSampler.load_from_folder(tmp_path, trained[0])


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


class TestPipeline:
    def test_it_takes_our_configuration(self, trained: Any, tmp_path: Path) -> None:
        config = RiemannianSamplerConfig.from_preset("calibrated", seed=4)
        pipeline = GenerationPipeline(trained[0], config)
        samples = pipeline(num_samples=5, train_data=trained[1], output_dir=tmp_path, save_sampler_config=True)
        wanted = RiemannianSampler(trained[0], config).fit(trained[1]).sample(5)
        assert torch.equal(samples, wanted)
        assert names(tmp_path) == [*(f"{i:08d}.png" for i in range(5)), "sampler_config.json"]

    def test_a_second_call_needs_no_data(self, trained: Any) -> None:
        pipeline = GenerationPipeline(trained[0], FAST)
        pipeline(num_samples=1, train_data=trained[1])
        assert pipeline(num_samples=2).shape == (2, 1, 8, 8)

    def test_the_first_call_does(self, trained: Any) -> None:
        with pytest.raises(NotFittedError, match="pass train_data, to a pipeline in its call"):
            GenerationPipeline(trained[0], FAST)(num_samples=1)

    @pytest.mark.parametrize("make_config", [None, NormalSamplerConfig, GaussianMixtureSamplerConfig])
    def test_it_takes_native_configurations(self, make_config: Any, trained: Any) -> None:
        config = make_config and make_config()
        model = native(trained[0]).model
        images = trained[1] / trained[1].max()
        state = np.random.get_state()  # noqa: NPY002
        with torch.random.fork_rng():
            ours, theirs = (pipeline(model, config) for pipeline in (GenerationPipeline, NativePipeline))
            assert type(ours.sampler) is type(theirs.sampler)
            assert ours(num_samples=3, train_data=images).shape == (3, 1, 8, 8)
        np.random.set_state(state)  # noqa: NPY002

    @pytest.mark.usefixtures("without_type_checks")
    def test_a_configuration_of_nothing(self, trained: Any) -> None:
        from pythae.samplers import BaseSamplerConfig

        with pytest.raises(NotImplementedError, match="BaseSamplerConfig"):
            GenerationPipeline(trained[0], BaseSamplerConfig())

    def test_the_sampler_of_pythaes_own_pipeline_can_be_swapped(self, trained: Any, seeded: RiemannianSampler) -> None:
        pipeline = NativePipeline(native(trained[0]).model)
        pipeline.sampler = RiemannianSampler(trained[0], seeded.sampler_config)
        samples = pipeline(num_samples=4, train_data=trained[1])
        assert torch.equal(samples, seeded.sample(4))
