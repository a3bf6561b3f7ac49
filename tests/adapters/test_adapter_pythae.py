"""pythae: the Gaussian that its decoder sees is found, and models without one are refused."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from riemann_sampler.adapters import PythaeAdapter, as_latent_model
from riemann_sampler.errors import DataError, UnsupportedModelError
from tests.helpers.models import digit_images, make_plain_vae, make_pythae

WAY_OUT = r"FunctionAdapter\(encode="
IMAGES = digit_images()[:7]


USABLE = [
    "VAE",
    "BetaVAE",
    "DisentangledBetaVAE",
    "BetaTCVAE",
    "FactorVAE",
    "INFOVAE_MMD",
    "MSSSIM_VAE",
    "VAEGAN",
    "VAMP",
    "IWAE",
    "MIWAE",
    "PIWAE",
    "CIWAE",
    "RHVAE",
    "HVAE",
    "Adversarial_AE",
]
REJECTED = {
    "VAE_LinNF": "normalizing flow",
    "VAE_IAF": "normalizing flow",
    "PoincareVAE": "hyperbolic",
    "SVAE": "sphere",
    "AE": "without a covariance",
    "RAE_L2": "without a covariance",
    "RAE_GP": "without a covariance",
    "WAE_MMD": "without a covariance",
    "VQVAE": "discrete",
}


class _DrawnError(Exception):
    """Stops a forward pass once the posterior has been drawn from."""


def drawn_from(model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the Gaussian that pythae's own forward pass draws from."""
    seen = []

    def spy(mean: Tensor, std: Tensor) -> None:
        seen.append((mean.detach(), std.detach()))
        raise _DrawnError

    model._sample_gauss = spy
    with torch.random.fork_rng(), pytest.raises(_DrawnError):
        model({"data": x})
    mean, std = seen[0]
    while std.ndim > 2:  # importance weighting repeats each row: (batch, ..., dim)
        mean, std = mean[:, 0], std[:, 0]
    return mean, std


@pytest.mark.parametrize("latent_dim", [2, 4])
@pytest.mark.parametrize("name", USABLE)
def test_the_posterior_is_the_one_that_pythae_draws_from(
    name: str, latent_dim: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_pythae(name, latent_dim=latent_dim)
    adapter = as_latent_model(model)
    assert type(adapter) is PythaeAdapter
    assert adapter.latent_dim == latent_dim
    posterior = adapter.encode(IMAGES)
    monkeypatch.setattr(torch, "randperm", torch.arange)  # FactorVAE draws for a random half of the batch
    mean, std = drawn_from(model, IMAGES)
    rows = slice(len(IMAGES) // 2 if name == "FactorVAE" else 0, None)
    torch.testing.assert_close(posterior.mean[rows], mean)
    torch.testing.assert_close((posterior.log_variance[rows] / 2).exp(), std)
    assert adapter.decode(posterior.mean).shape == IMAGES.shape


@pytest.mark.parametrize("name", USABLE)
def test_decoding_is_the_decoder_alone(name: str) -> None:
    model = make_pythae(name)
    z = torch.linspace(-2, 2, 6).reshape(3, 2)
    assert torch.equal(as_latent_model(model).decode(z), model.decoder(z).reconstruction.detach())


@pytest.mark.parametrize("name", REJECTED)
def test_unusable_models_are_refused_with_their_reason(name: str) -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)^{name} \(a pythae {name}\).*{REJECTED[name]}.*{WAY_OUT}"):
        as_latent_model(make_pythae(name))


def test_every_model_of_pythae_has_a_verdict() -> None:
    from pythae import models

    classes = {name for name in models.__all__ if issubclass(getattr(models, name), nn.Module)}
    assert classes - {"AutoModel", "BaseAE"} == {*USABLE, *REJECTED}


@pytest.mark.parametrize("name", ["VAE", "HVAE", "IWAE"])
def test_subclasses_of_usable_models_are_usable_whatever_their_name(name: str) -> None:
    from pythae import models

    base = type("AE", (getattr(models, name),), {"__module__": "my_models"})
    model = make_pythae(name, base=base)
    mean, std = drawn_from(model, IMAGES)
    posterior = as_latent_model(model).encode(IMAGES)
    torch.testing.assert_close(posterior.mean, mean)
    torch.testing.assert_close((posterior.log_variance / 2).exp(), std)


@pytest.mark.parametrize("name", ["VAE_IAF", "AE", "RAE_L2", "VQVAE"])
def test_subclasses_of_unusable_models_are_refused_whatever_their_name(name: str) -> None:
    from pythae import models

    base = type("VAE", (getattr(models, name),), {"__module__": "my_models"})
    with pytest.raises(UnsupportedModelError, match=rf"^VAE \(a pythae {name}\).*{REJECTED[name]}"):
        as_latent_model(make_pythae(name, base=base))


def test_one_unusable_parent_is_enough_to_be_refused() -> None:
    from pythae.models import VAE_IAF, BetaVAE

    base = type("Both", (BetaVAE, VAE_IAF), {"__module__": "my_models"})
    model = make_pythae("VAE")
    model.__class__ = base
    with pytest.raises(UnsupportedModelError, match=r"^Both \(.*normalizing flow"):
        as_latent_model(model)


@pytest.mark.parametrize(
    ("parent", "module"), [("BaseAE", "my_models"), ("VAE", "pythae.models.new")], ids=["own", "of a later release"]
)
def test_kinds_of_model_that_are_not_known_are_refused(parent: str, module: str) -> None:
    from pythae import models

    base = type("NewVAE", (getattr(models, parent),), {"__module__": module})
    with pytest.raises(UnsupportedModelError, match=rf"(?s)what its encoder and decoder mean is not known.*{WAY_OUT}"):
        as_latent_model(make_pythae("VAE", base=base))


def test_what_is_not_of_pythae_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"PlainVAE \(not a model of pythae\)"):
        PythaeAdapter(make_plain_vae())


def test_a_deterministic_adversarial_autoencoder_is_refused() -> None:
    model = make_pythae("Adversarial_AE", deterministic_posterior=True)
    with pytest.raises(UnsupportedModelError, match=rf"(?s)deterministic_posterior=True.*{WAY_OUT}"):
        as_latent_model(model)


def echo(model: Any, log_covariance: Tensor | None) -> Any:
    """The model with an encoder that gives a fixed log_covariance, or none."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseEncoder

    class Echo(BaseEncoder):
        def forward(self, x: Tensor) -> ModelOutput:
            mean = torch.zeros(len(x), 2) if log_covariance is None else torch.zeros_like(log_covariance)
            return ModelOutput(embedding=mean) | ({} if log_covariance is None else {"log_covariance": log_covariance})

    model.set_encoder(Echo())
    return model


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_the_deviation_of_hvae_is_a_softplus(dtype: torch.dtype, tolerance: float) -> None:
    raw = torch.linspace(-40, 40, 1602, dtype=dtype).reshape(-1, 2)
    raw[0] = torch.tensor([-15.0, -15.000001])
    adapter = as_latent_model(echo(make_pythae("HVAE"), raw))
    exact = 2 * functional.softplus(raw.double()).log()
    torch.testing.assert_close(adapter.encode(raw).log_variance, exact.to(dtype), rtol=tolerance, atol=tolerance)


def test_the_log_variance_of_hvae_is_finite_where_softplus_underflows() -> None:
    raw = torch.tensor([[-104.0, -800.0]])
    assert functional.softplus(raw).log().isinf().all()
    assert as_latent_model(echo(make_pythae("HVAE"), raw)).encode(raw).log_variance.tolist() == [[-208.0, -1600.0]]


def test_an_encoder_without_covariance_is_refused() -> None:
    adapter = as_latent_model(echo(make_pythae("VAE"), None))
    wanted = "encoder must return embedding and log_covariance, its output has only: embedding"
    with pytest.raises(UnsupportedModelError, match=rf"(?s){wanted}.*{WAY_OUT}"):
        adapter.encode(IMAGES)


def test_an_encoder_of_another_dimension_than_the_model_says_is_refused() -> None:
    adapter = as_latent_model(echo(make_pythae("VAE", latent_dim=2), torch.zeros(7, 5)))
    with pytest.raises(DataError, match=r"codes of shape \(5,\), but those of VAE have the shape \(2,\)"):
        adapter.encode(IMAGES)


def test_the_latent_dimension_of_pythae_is_that_of_the_model_or_its_configuration() -> None:
    model = make_pythae("VAE", latent_dim=2)
    model.latent_dim = None
    assert PythaeAdapter(model).latent_dim == 2
