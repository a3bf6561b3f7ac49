"""metric="pullback" on the autoencoders of pythae: codes without a covariance of their own."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import RiemannianUniformSampler, UnsupportedModelError
from riemann_sampler.adapters import PullbackAdapter, PythaeAdapter, as_latent_model
from riemann_sampler.adapters.jacobians import squared_column_norms
from tests.helpers.models import make_pythae
from tests.helpers.pullback_cases import DIM, IMAGES, OFFER, expected, fit, make, mean_squared_error

CODES_ONLY = ["AE", "RAE_L2", "RAE_GP", "WAE_MMD", "deterministic Adversarial_AE"]


@pytest.mark.parametrize("name", CODES_ONLY)
class TestAutoencodersOfPythae:
    def test_by_default_they_are_refused_and_the_metric_is_offered(self, name: str) -> None:
        for make_model in (as_latent_model, PythaeAdapter, RiemannianUniformSampler):
            with pytest.raises(UnsupportedModelError, match=rf"(?s)cannot be used: .*{OFFER}\. .*FunctionAdapter"):
                make_model(make(name))

    def test_the_posterior_is_pulled_back(self, name: str) -> None:
        model = make(name)
        adapter = as_latent_model(model, metric="pullback", noise_variance=0.02)
        assert isinstance(adapter, PullbackAdapter)
        assert adapter.latent_dim == DIM
        found, wanted = adapter.encode(IMAGES[:9]), expected(model, IMAGES[:9], 0.02)
        torch.testing.assert_close(found.mean, wanted.mean)
        torch.testing.assert_close(found.log_variance, wanted.log_variance)
        assert torch.equal(adapter.decode(found.mean), model.decoder(found.mean).reconstruction.detach())

    def test_fit_takes_the_noise_variance_from_the_data(self, name: str) -> None:
        model = make(name)
        sampler = fit(model, n_centroids=20)
        noise_variance = mean_squared_error(model, IMAGES)
        assert sampler.model.noise_variance == pytest.approx(noise_variance, rel=1e-5)
        wanted = expected(model, IMAGES[:9], noise_variance)
        torch.testing.assert_close(sampler.posterior_.log_variance[:9], wanted.log_variance, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(sampler.model.encode(IMAGES[:3]).mean, wanted.mean[:3])

    def test_samples_are_the_same_after_saving(self, name: str, tmp_path: Path) -> None:
        model = make(name)
        saved = fit(model)
        saved.save(tmp_path)
        loaded = RiemannianUniformSampler.load(tmp_path, model)
        samples = saved.sample(4, seed=0)
        assert samples.shape == (4, 1, 8, 8)
        assert torch.equal(samples, loaded.sample(4, seed=0))
        assert loaded.settings == saved.settings
        for one, other in zip(saved.model.encode(IMAGES[:5]), loaded.model.encode(IMAGES[:5]), strict=True):
            assert torch.equal(one, other)

    @pytest.mark.usefixtures("without_type_checks")
    def test_the_model_and_the_random_state_are_left_as_they_were(self, name: str) -> None:
        model = make(name)
        for i, submodule in enumerate(model.modules()):
            submodule.training = i % 2 == 0
        before, states = traces(model), random_states()
        fit(model).sample(3, seed=0)
        assert traces(model) == before
        assert random_states() == states


@pytest.mark.parametrize("name", ["VAE_IAF", "PoincareVAE", "SVAE", "VQVAE"])
def test_other_models_are_refused_as_before_and_offered_nothing(name: str) -> None:
    for arguments in ({}, {"metric": "pullback"}):
        with pytest.raises(UnsupportedModelError, match=rf"^{name} \(a pythae {name}\) cannot be used") as caught:
            as_latent_model(make_pythae(name), **arguments)
        assert "pullback" not in str(caught.value)


def test_the_log_variance_of_a_vae_is_ignored() -> None:
    model = make("VAE")
    found = as_latent_model(model, metric="pullback", noise_variance=0.1).encode(IMAGES[:5])
    wanted = expected(model, IMAGES[:5], 0.1)
    torch.testing.assert_close(found, wanted)
    assert not torch.allclose(found.log_variance, as_latent_model(model).encode(IMAGES[:5]).log_variance, atol=0.1)


def test_an_encoder_without_codes_is_refused() -> None:
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseEncoder

    class Echo(BaseEncoder):
        def forward(self, x: Tensor) -> ModelOutput:
            return ModelOutput(code=x)

    model = make("AE")
    model.set_encoder(Echo())
    with pytest.raises(UnsupportedModelError, match=r"The encoder must return embedding, its output has only: code"):
        as_latent_model(model, metric="pullback", noise_variance=1.0).encode(IMAGES)


def test_pseudo_inputs_are_pulled_back() -> None:
    model = make("VAMP")
    sampler = fit(model, centroids="pseudo_inputs", island_scale=1.0)
    own = as_latent_model(model).pseudo_inputs()
    found = sampler.model.pseudo_inputs()
    assert torch.equal(found.mean, own.mean)
    squares = squared_column_norms(as_latent_model(model), own.mean)
    torch.testing.assert_close(found.log_variance, -(squares / sampler.model.noise_variance + 1).log())
    assert as_latent_model(make("AE"), metric="pullback").pseudo_inputs() is None
