"""Models of packages that cannot be tested here are refused with the reason, lest they be misread."""

import pytest

from riemann_sampler.adapters import as_latent_model
from riemann_sampler.errors import UnsupportedModelError
from tests.helpers.models import PlainVAE, make_plain_vae


def test_multivae_models_and_their_subclasses_are_refused_with_the_reason() -> None:
    model = type("JMVAE", (PlainVAE,), {"__module__": "multivae.models.jmvae.jmvae_model"})
    own = type("Own", (model,), {"__module__": "mine"})
    for base in (model, own):
        with pytest.raises(UnsupportedModelError, match=rf"(?s)^{base.__name__} of multivae .*torchvision.*Funct"):
            as_latent_model(make_plain_vae(base=base))


def test_a_sigma_is_not_taken_for_a_log_variance() -> None:
    base = type("AutoencoderKL", (PlainVAE,), {"__module__": "generative.networks.nets.autoencoderkl"})
    with pytest.raises(UnsupportedModelError, match=r"(?s)AutoencoderKL \(not a model of monai\).*FunctionAdapter"):
        as_latent_model(make_plain_vae(base=base))
