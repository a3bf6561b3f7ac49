"""diffusers: the autoencoders of images are wrapped as they are, the others are refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.harness.snapshots import traces
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import DiffusersAdapter, ModuleAdapter, as_latent_model
from riemann_sampler.errors import DataError, NotFittedError, UnsupportedModelError
from tests.helpers.diffusers_models import (
    LATENT_SHAPE,
    make_diffusers,
    make_mode_dependent_diffusers,
    trained_diffusers,
)
from tests.helpers.models import PlainVAE, digit_images

WAY_OUT = r"FunctionAdapter\(encode="
IMAGES = digit_images()[:5]
DIM = 32
Z = torch.linspace(-2, 2, 3 * DIM).reshape(3, DIM)

USABLE = ["AsymmetricAutoencoderKL", "AutoencoderKL", "AutoencoderKLFlux2"]
REASONS = {
    "AutoencoderDC": "without a covariance",
    "AutoencoderKLTemporalDecoder": "needs the number of frames",
    "AutoencoderKLWan": "is not known",
    "AutoencoderRAE": "without a covariance",
    "AutoencoderTiny": "without a covariance",
    "ConsistencyDecoderVAE": "at random",
    "VQModel": "discrete",
}


def uninitialized(name: str) -> Any:
    import diffusers

    cls = getattr(diffusers, name)
    return cls.__new__(cls)


def by_hand(model: Any, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, log-variance and decoded images by diffusers' own calls on a copy in evaluation mode."""
    model = copy.deepcopy(model).eval()
    with torch.no_grad():
        law = model.encode(x).latent_dist
        return law.mean.flatten(1), 2 * law.std.log().flatten(1), model.decode(z.reshape(-1, *LATENT_SHAPE)).sample


def mean_distance_to(images: Tensor, x: Tensor) -> float:
    """Mean distance of data points to the nearest of some images."""
    return torch.cdist(x.flatten(1), images.flatten(1)).min(1).values.mean().item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", USABLE)
def test_results_are_those_of_calls_written_by_hand_and_the_model_stays_as_it_was(
    name: str, dtype: torch.dtype
) -> None:
    model = make_mode_dependent_diffusers(name).to(dtype)
    mean, log_variance, decoded = by_hand(model, IMAGES.to(dtype), Z.to(dtype))
    adapter = as_latent_model(model)
    assert type(adapter) is DiffusersAdapter
    before = traces(model)
    posterior = adapter.encode(IMAGES)
    assert adapter.latent_dim == DIM
    assert torch.equal(posterior.mean, mean)
    torch.testing.assert_close(posterior.log_variance, log_variance)
    assert torch.equal(adapter.decode(Z), decoded)
    assert posterior.log_variance.dtype == dtype
    assert traces(model) == before


@pytest.mark.parametrize("name", USABLE)
def test_one_data_point_is_a_row_of_a_batch_and_none_are_an_empty_one(name: str) -> None:
    adapter = DiffusersAdapter(make_mode_dependent_diffusers(name), LATENT_SHAPE)
    whole, one = adapter.encode(IMAGES), adapter.encode(IMAGES[2:3])
    torch.testing.assert_close(one.mean, whole.mean[2:3])
    torch.testing.assert_close(adapter.decode(Z[1:2]), adapter.decode(Z)[1:2])
    assert adapter.decode(Z[:0]).shape == (0, 1, 8, 8)


def test_a_model_that_returns_tuples_by_default_is_asked_for_names() -> None:
    from diffusers import AutoencoderKL

    class Tupled(AutoencoderKL):
        def encode(self, x: Tensor, return_dict: bool = False) -> Any:
            return super().encode(x, return_dict)

        def decode(self, z: Tensor, return_dict: bool = False) -> Any:
            return super().decode(z, return_dict)

    adapter = as_latent_model(make_diffusers(base=Tupled))
    mean, _, decoded = by_hand(make_diffusers(), IMAGES, Z)
    assert torch.equal(adapter.encode(IMAGES).mean, mean)
    assert torch.equal(adapter.decode(Z), decoded)


def test_slicing_stays_on_and_is_used() -> None:
    model = make_mode_dependent_diffusers()
    whole = DiffusersAdapter(model).encode(IMAGES)
    batches: list[int] = []
    for coder in (model.encoder, model.decoder):
        coder.register_forward_pre_hook(lambda _, inputs: batches.append(len(inputs[0])))
    model.enable_slicing()
    before = traces(model)
    adapter = DiffusersAdapter(model)
    torch.testing.assert_close(adapter.encode(IMAGES).mean, whole.mean)
    assert torch.equal(adapter.decode(Z), by_hand(model, IMAGES, Z)[2])
    assert batches == [1] * (len(IMAGES) + len(Z) + len(IMAGES) + len(Z))
    assert traces(model) == before


def test_tiling_stays_on_and_is_used() -> None:
    model = make_diffusers().eval()
    large = IMAGES.repeat(1, 1, 2, 2)
    untiled = DiffusersAdapter(model).encode(large).mean
    model.enable_tiling()
    before = traces(model)
    adapter = DiffusersAdapter(model)
    mean = adapter.encode(large).mean
    with torch.no_grad():
        assert torch.equal(mean, model.encode(large).latent_dist.mean.flatten(1))
        assert torch.equal(adapter.decode(mean), model.decode(mean.reshape(-1, 2, 8, 8)).sample)
    assert not torch.allclose(mean, untiled)
    assert traces(model) == before


def test_latent_codes_are_not_scaled() -> None:
    scaled = DiffusersAdapter(make_diffusers(scaling_factor=7.0, shift_factor=3.0), LATENT_SHAPE)
    plain = DiffusersAdapter(make_diffusers(scaling_factor=1.0), LATENT_SHAPE)
    assert torch.equal(scaled.encode(IMAGES).mean, plain.encode(IMAGES).mean)
    assert torch.equal(scaled.decode(Z), plain.decode(Z))


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float16, 0.01), (torch.bfloat16, 0.1)])
def test_half_precision_models_are_fitted_and_sampled_in_their_own_dtype(dtype: torch.dtype, atol: float) -> None:
    model, images = trained_diffusers()
    half = copy.deepcopy(model).to(dtype)
    posterior = DiffusersAdapter(half).encode(images[:50])
    assert posterior.mean.dtype == posterior.log_variance.dtype == dtype
    torch.testing.assert_close(
        posterior.mean.float(), DiffusersAdapter(model).encode(images[:50]).mean, rtol=0, atol=atol
    )
    sampler = RiemannianUniformSampler(half, law="islands").fit(images[:200], seed=0)
    samples = sampler.sample(16, seed=1)
    assert samples.dtype == sampler.posterior_.mean.dtype == dtype
    assert mean_distance_to(images, samples.float()) < 1.1 * mean_distance_to(
        images, RiemannianUniformSampler(model, law="islands").fit(images[:200], seed=0).sample(16, seed=1)
    )


def test_images_of_another_shape_are_refused_with_what_the_model_was_made_for() -> None:
    model = make_mode_dependent_diffusers()
    before = traces(model)
    for images in (IMAGES.repeat(1, 3, 1, 1), IMAGES[:, 0]):
        with pytest.raises(DataError, match=r"(?s)encode of AutoencoderKL failed on .*images of 1 channels\.$"):
            as_latent_model(model).encode(images)
    assert traces(model) == before


def test_before_the_first_encode_the_latent_shape_must_be_given() -> None:
    model = make_diffusers()
    with pytest.raises(NotFittedError, match=r"pass DiffusersAdapter\(\.\.\., latent_shape=\.\.\.\)"):
        _ = DiffusersAdapter(model).latent_dim
    with pytest.raises(
        DataError, match=r"decode of AutoencoderKL failed .* pass latent_shape, or encode a batch first"
    ):
        DiffusersAdapter(model).decode(Z)
    assert torch.equal(DiffusersAdapter(model, LATENT_SHAPE).decode(Z), by_hand(model, IMAGES, Z)[2])


@pytest.mark.parametrize("name", REASONS)
def test_other_autoencoders_are_refused_with_their_reason(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)^{name} \(a diffusers {name}\).*{REASONS[name]}.*{WAY_OUT}"):
        as_latent_model(uninitialized(name))


def test_every_autoencoder_of_diffusers_has_a_verdict() -> None:
    from diffusers import ModelMixin
    from diffusers.models import autoencoders

    classes = [cls for cls in vars(autoencoders).values() if isinstance(cls, type) and issubclass(cls, ModelMixin)]
    assert {*USABLE, *REASONS} <= {cls.__name__ for cls in classes}
    for cls in classes:
        if cls.__name__ not in USABLE:
            with pytest.raises(UnsupportedModelError, match=rf"^{cls.__name__} \(a diffusers "):
                as_latent_model(uninitialized(cls.__name__))


def test_subclasses_are_taken_for_what_they_derive_from_whatever_their_name() -> None:
    import diffusers

    renamed = type("VQModel", (diffusers.AutoencoderKL,), {"__module__": "my_models"})
    assert type(as_latent_model(make_diffusers(base=renamed))) is DiffusersAdapter
    renamed = type("AutoencoderKL", (diffusers.VQModel,), {"__module__": "my_models"})
    with pytest.raises(UnsupportedModelError, match=r"^AutoencoderKL \(a diffusers VQModel\).*discrete"):
        as_latent_model(renamed.__new__(renamed))


def test_a_model_of_ones_own_that_only_uses_the_mixins_is_a_module() -> None:
    from diffusers import ConfigMixin, ModelMixin

    class Own(ModelMixin, ConfigMixin):
        def __init__(self) -> None:
            super().__init__()
            self.networks = PlainVAE()

        def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return self.networks.encode(x)

        def decode(self, z: Tensor) -> Tensor:
            return self.networks.decode(z)

    with torch.random.fork_rng(devices=[]):
        own = Own().eval()
    adapter = as_latent_model(own)
    assert type(adapter) is ModuleAdapter
    assert torch.equal(adapter.encode(IMAGES).mean, own.encode(IMAGES)[0])
    with pytest.raises(UnsupportedModelError, match=r"^Own \(a diffusers ModelMixin\)"):
        DiffusersAdapter(own)


def test_what_is_not_of_diffusers_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)^Tanh \(not a model of diffusers\).*{WAY_OUT}"):
        DiffusersAdapter(nn.Tanh())


def test_samples_of_a_trained_model_are_like_its_data() -> None:
    model, images = trained_diffusers()
    before = traces(model)
    sampler = RiemannianUniformSampler(model, n_centroids=100, n_steps=10, n_warmup=10).fit(images[:400], seed=0)
    samples = sampler.sample(64, seed=1)
    assert traces(model) == before
    adapter = DiffusersAdapter(model, LATENT_SHAPE)
    noise = torch.randn(64, DIM, generator=torch.Generator().manual_seed(0))
    assert mean_distance_to(images, samples) < 0.9 * mean_distance_to(images, adapter.decode(noise))
    assert mean_distance_to(images, samples) < 0.6 * mean_distance_to(images, adapter.decode(1000**0.5 * noise))


def test_a_saved_sampler_decodes_with_a_fresh_model(tmp_path: Path) -> None:
    model, images = trained_diffusers()
    sampler = RiemannianUniformSampler(model, law="islands").fit(images[:100], seed=0)
    sampler.save(tmp_path)
    fresh = make_diffusers(mid_block_add_attention=False)
    fresh.load_state_dict(model.state_dict())
    loaded = RiemannianUniformSampler.load(tmp_path, fresh)  # the sampler remembers the shape of codes
    assert torch.equal(loaded.sample(8, seed=2), sampler.sample(8, seed=2))
    given = DiffusersAdapter(fresh, latent_shape=(2, 2, 8))
    assert RiemannianUniformSampler.load(tmp_path, given).sample(1, seed=2).shape == (1, 1, 4, 16)
    loaded.save(tmp_path / "again")
    assert RiemannianUniformSampler.load(tmp_path / "again", fresh).sample(1).shape == (1, 1, 8, 8)
