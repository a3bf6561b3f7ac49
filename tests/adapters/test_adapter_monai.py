"""MONAI: its variational autoencoders of images and volumes are wrapped as they are, other networks are refused."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.harness.snapshots import traces
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import MonaiAdapter, as_latent_model
from riemann_sampler.errors import DataError, NotFittedError, UnsupportedModelError
from tests.helpers.monai_models import LATENT_DIM, SIDE, make_mode_dependent_monai, make_monai, trained_monai

WAY_OUT = r"FunctionAdapter\(encode="

CASES = [
    ("AutoencoderKL", 2),
    ("AutoencoderKL", 3),
    ("VarAutoEncoder", 2),
    ("VarAutoEncoder", 3),
    ("VarFullyConnectedNet", 0),
]
REASONS = {
    "AutoEncoder": "without a covariance",
    "SPADEAutoencoderKL": "needs a segmentation",
    "SPADENet": "needs a segmentation",
    "SegResNetVAE": "is not known",
    "VQVAE": "discrete",
    "ViTAutoEnc": "without a covariance",
}


def inputs(spatial_dims: int, n: int = 5) -> Tensor:
    """Data of one channel, without one where there are no spatial axes but a vector."""
    shape = (n, 1, *(SIDE,) * spatial_dims) if spatial_dims else (n, SIDE)
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def latent_shape(name: str, spatial_dims: int) -> tuple[int, ...]:
    return (2, *(SIDE // 2,) * spatial_dims) if name == "AutoencoderKL" else (LATENT_DIM,)


def by_hand(model: Any, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation and decoded data of MONAI's own forward pass, on a copy in evaluation mode."""
    model = copy.deepcopy(model).eval()
    drawn = []
    name = "sampling" if hasattr(model, "sampling") else "reparameterize"
    draw = getattr(model, name)

    def spy(mean: Tensor, spread: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            drawn.append((mean, (draw(mean, spread) - mean).abs()))
        return z

    setattr(model, name, spy)
    with torch.no_grad():
        decoded, mean, spread, *_ = model(x)
    deviation = spread if name == "sampling" else drawn[0][1]  # in evaluation mode: mean + deviation
    return mean.flatten(1), deviation.flatten(1), decoded


def mean_distance_to(images: Tensor, x: Tensor) -> float:
    """Mean distance of data points to the nearest of some images."""
    return torch.cdist(x.flatten(1), images.flatten(1)).min(1).values.mean().item()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("name", "spatial_dims"), CASES)
def test_results_are_those_of_the_models_own_pass_and_it_stays_as_it_was(
    name: str, spatial_dims: int, dtype: torch.dtype
) -> None:
    model = make_mode_dependent_monai(name, spatial_dims).to(dtype)
    shape = latent_shape(name, spatial_dims)
    x = inputs(spatial_dims)
    z = torch.linspace(-2, 2, 5 * torch.Size(shape).numel(), dtype=dtype).reshape(5, -1)
    mean, deviation, decoded = by_hand(model, x.to(dtype), z.reshape(5, *shape))
    adapter = as_latent_model(model)
    assert type(adapter) is MonaiAdapter
    before = traces(model)
    posterior = adapter.encode(x)
    assert adapter.latent_dim == z.shape[1]
    assert torch.equal(posterior.mean, mean)
    torch.testing.assert_close((posterior.log_variance / 2).exp(), deviation, rtol=1e-5, atol=1e-6)
    assert torch.equal(adapter.decode(z), decoded)
    assert posterior.log_variance.dtype == dtype
    assert traces(model) == before


@pytest.mark.parametrize(("name", "spatial_dims"), CASES)
def test_meta_tensors_give_plain_tensors(name: str, spatial_dims: int) -> None:
    from monai.data import MetaTensor

    adapter = MonaiAdapter(make_mode_dependent_monai(name, spatial_dims))
    x = inputs(spatial_dims)
    meta = MetaTensor(x, affine=2 * torch.eye(4))
    plain, posterior = adapter.encode(x), adapter.encode(meta)
    decoded = adapter.decode(MetaTensor(plain.mean))
    assert {type(part) for part in (*posterior, decoded)} == {Tensor}
    assert torch.equal(posterior.log_variance, plain.log_variance)
    assert torch.equal(decoded, adapter.decode(plain.mean))
    assert type(meta) is MetaTensor


@pytest.mark.parametrize(("name", "spatial_dims"), CASES)
def test_one_data_point_is_a_row_of_a_batch_and_none_are_an_empty_one(name: str, spatial_dims: int) -> None:
    adapter = MonaiAdapter(make_mode_dependent_monai(name, spatial_dims))
    x = inputs(spatial_dims)
    whole, one = adapter.encode(x), adapter.encode(x[2:3])
    torch.testing.assert_close(one.mean, whole.mean[2:3])
    torch.testing.assert_close(one.log_variance, whole.log_variance[2:3])
    torch.testing.assert_close(adapter.decode(one.mean), adapter.decode(whole.mean)[2:3])
    assert adapter.decode(whole.mean[:0]).shape == (0, *x.shape[1:])


def test_an_attention_that_fails_on_an_empty_batch_is_not_given_one() -> None:
    from monai.networks.nets import AutoencoderKL

    class Attentive(AutoencoderKL):
        def decode(self, z: Tensor) -> Tensor:
            return super().decode(z.reshape(len(z), 2, -1).reshape(-1, 2, 4, 4))  # -1 is ambiguous without rows

    adapter = MonaiAdapter(make_monai("AutoencoderKL", base=Attentive), (2, 4, 4))
    assert adapter.decode(torch.empty(0, 32)).shape == (0, 1, SIDE, SIDE)


def test_a_model_without_a_sigmoid_decodes_without_one() -> None:
    model = make_monai("VarAutoEncoder", use_sigmoid=False).eval()
    z = torch.linspace(-9, 9, 12).reshape(4, LATENT_DIM)
    decoded = MonaiAdapter(model).decode(z)
    assert torch.equal(decoded, model.decode_forward(z, use_sigmoid=False).detach())
    assert decoded.min() < 0


def test_a_checkpointed_model_gives_the_same() -> None:
    x = inputs(2)
    plain, checkpointed = (MonaiAdapter(make_monai("AutoencoderKL", use_checkpoint=use)) for use in (False, True))
    assert torch.equal(checkpointed.encode(x).mean, plain.encode(x).mean)
    assert torch.equal(checkpointed.decode(torch.ones(2, 32)), plain.decode(torch.ones(2, 32)))


@pytest.mark.parametrize("name", ["AutoencoderKL", "VarAutoEncoder"])
def test_images_of_another_shape_are_refused(name: str) -> None:
    model = make_mode_dependent_monai(name)
    before = traces(model)
    with pytest.raises(DataError, match=rf"encode of {name} failed on a torch.float32 tensor of shape \(5, 3, 8, 8\)"):
        as_latent_model(model).encode(inputs(2).repeat(1, 3, 1, 1))
    assert traces(model) == before


def test_before_the_first_encode_the_latent_shape_must_be_given_where_codes_are_spatial() -> None:
    model = make_monai("AutoencoderKL").eval()
    with pytest.raises(NotFittedError, match=r"pass MonaiAdapter\(\.\.\., latent_shape=\.\.\.\)"):
        _ = MonaiAdapter(model).latent_dim
    with pytest.raises(
        DataError, match=r"decode of AutoencoderKL failed .* pass latent_shape, or encode a batch first"
    ):
        MonaiAdapter(model).decode(torch.zeros(2, 32))
    assert MonaiAdapter(model, (2, 4, 4)).decode(torch.zeros(2, 32)).shape == (2, 1, SIDE, SIDE)
    assert MonaiAdapter(make_monai("VarAutoEncoder")).latent_dim == LATENT_DIM


@pytest.mark.parametrize("name", REASONS)
def test_other_networks_are_refused_with_their_reason(name: str) -> None:
    from monai.networks import nets

    cls = getattr(nets, name)
    with pytest.raises(UnsupportedModelError, match=rf"(?s)^{name} \(a monai {name}\).*{REASONS[name]}.*{WAY_OUT}"):
        as_latent_model(cls.__new__(cls))


def test_subclasses_are_taken_for_what_they_derive_from_whatever_their_name() -> None:
    from monai.networks import nets

    renamed = type("AutoencoderKL", (nets.VarAutoEncoder,), {"__module__": "my_models"})
    adapter = as_latent_model(make_monai("VarAutoEncoder", base=renamed))
    plain = MonaiAdapter(make_monai("VarAutoEncoder"))
    assert torch.equal(adapter.encode(inputs(2)).log_variance, plain.encode(inputs(2)).log_variance)
    renamed = type("VarAutoEncoder", (nets.AutoEncoder,), {"__module__": "my_models"})
    with pytest.raises(UnsupportedModelError, match=r"^VarAutoEncoder \(a monai AutoEncoder\).*without a covariance"):
        as_latent_model(make_monai("AutoEncoder", base=renamed))


def test_what_is_not_of_monai_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)^Tanh \(not a model of monai\).*{WAY_OUT}"):
        MonaiAdapter(nn.Tanh())


@pytest.mark.parametrize("name", ["AutoencoderKL", "VarAutoEncoder"])
def test_samples_of_a_trained_model_are_like_its_data(name: str) -> None:
    from monai.data import MetaTensor

    model, images = trained_monai(name)
    before = traces(model)
    sampler = RiemannianUniformSampler(model, n_centroids=100, n_steps=10, n_warmup=10)
    sampler.fit(MetaTensor(images[:400]), seed=0)
    samples = sampler.sample(64, seed=1)
    assert traces(model) == before
    assert type(samples) is type(sampler.posterior_.mean) is Tensor
    noise = torch.randn(64, sampler.model.latent_dim, generator=torch.Generator().manual_seed(0))
    of_prior, of_noise = (sampler.model.decode(scale * noise) for scale in (1.0, 1000**0.5))
    assert mean_distance_to(images, samples) < 0.9 * mean_distance_to(images, of_prior)
    assert mean_distance_to(images, samples) < 0.6 * mean_distance_to(images, of_noise)


@pytest.mark.parametrize("name", ["AutoencoderKL", "VarAutoEncoder"])
def test_a_saved_sampler_decodes_with_a_fresh_model(name: str, tmp_path: Path) -> None:
    model, images = trained_monai(name)
    sampler = RiemannianUniformSampler(model, law="islands").fit(images[:100], seed=0)
    sampler.save(tmp_path)
    fresh = copy.deepcopy(model)
    assert torch.equal(RiemannianUniformSampler.load(tmp_path, fresh).sample(8, seed=2), sampler.sample(8, seed=2))
