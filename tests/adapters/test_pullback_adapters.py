"""metric="pullback": covariances from the decoder, for autoencoders without and with their own."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import (
    DataError,
    GaussianPosterior,
    NotFittedError,
    RiemannianUniformSampler,
    UnsupportedModelError,
)
from riemann_sampler.adapters import (
    AdapterRegistry,
    FunctionAdapter,
    ModuleAdapter,
    PullbackAdapter,
    PythaeAdapter,
    as_latent_model,
)
from riemann_sampler.adapters.jacobians import squared_column_norms
from riemann_sampler.errors import ArgumentError
from riemann_sampler.sharding.tasks import encode_shards, read_codes
from tests.helpers.builders import TwoHalves, normal
from tests.helpers.command_line import Shell
from tests.helpers.models import Codec, digit_images, make_plain_vae, make_pythae

DIM = 2
IMAGES = digit_images()[:60]
CODES_ONLY = ["AE", "RAE_L2", "RAE_GP", "WAE_MMD", "deterministic Adversarial_AE"]
OFFER = r'metric="pullback" takes the covariance from its decoder instead'


def make(name: str) -> Any:
    """An autoencoder of pythae, its weights large enough that codes and images differ."""
    deterministic = {"deterministic_posterior": True} if name.startswith("deterministic") else {}
    model = make_pythae(name.split()[-1], latent_dim=DIM, **deterministic)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model.train()


def expected(model: Any, x: Tensor, noise_variance: float) -> GaussianPosterior:
    """Codes, and log-variances by torch's slow way, a row at a time."""
    codes = model.encoder(x).embedding.detach()
    jacobians = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda row: model.decoder(row[None]).reconstruction.flatten(), row)
            for row in codes
        ]
    )
    return GaussianPosterior(codes, -(jacobians.square().sum(1) / noise_variance + 1).log())


def mean_squared_error(model: Any, x: Tensor) -> float:
    error: Tensor = x - model.decoder(model.encoder(x).embedding).reconstruction
    return error.square().mean().item()


def fit(model: Any, data: Any = IMAGES, **arguments: Any) -> Any:
    arguments = {"law": "islands", "metric": "pullback", **arguments}
    return RiemannianUniformSampler(model, **arguments).fit(data)


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


class TestModulesAndFunctions:
    W = normal(6, DIM, seed=1)
    CODES = normal(30, DIM)

    def data(self) -> Tensor:
        return self.CODES @ self.W.T + 0.1 * normal(30, 6, seed=2)

    def codec(self, encode: Callable[[Tensor], Any] | None = None) -> Codec:
        return Codec(encode or self.codes, lambda z: z @ self.W.T)

    def codes(self, x: Tensor) -> Tensor:
        return x @ torch.linalg.pinv(self.W).T

    def test_a_linear_autoencoder_has_its_exact_posterior(self) -> None:
        sampler = fit(self.codec(), self.data())
        residual = self.data() - self.codes(self.data()) @ self.W.T
        noise_variance = residual.square().mean().item()
        assert sampler.model.noise_variance == pytest.approx(noise_variance, rel=1e-12)
        log_variance = -((self.W.T @ self.W).diagonal() / noise_variance + 1).log()
        torch.testing.assert_close(sampler.posterior_.mean, self.codes(self.data()))
        torch.testing.assert_close(sampler.posterior_.log_variance, log_variance.expand(30, -1))

    def test_codes_alone_are_refused_by_default_and_the_metric_is_offered(self) -> None:
        with pytest.raises(DataError, match=rf"(?s)not a pair.*If these are codes without a covariance, {OFFER}"):
            as_latent_model(self.codec()).encode(self.data())
        with pytest.raises(DataError) as caught:
            as_latent_model(self.codec(lambda x: (x, x, x))).encode(self.data())
        assert "pullback" not in str(caught.value)

    def test_modules_may_still_return_gaussians(self) -> None:
        codec = self.codec(lambda x: (self.codes(x), torch.ones(len(x), DIM)))
        assert torch.equal(
            fit(codec, self.data()).posterior_.log_variance, fit(self.codec(), self.data()).posterior_[1]
        )

    def test_functions_and_models_of_a_users_own(self) -> None:
        wanted = fit(self.codec(), self.data()).posterior_
        functions = FunctionAdapter(
            encode=lambda x: (self.codes(x), torch.zeros(len(x), DIM)), decode=lambda z: z @ self.W.T, latent_dim=DIM
        )
        torch.testing.assert_close(fit(functions, self.data()).posterior_, wanted)

        class Own:
            latent_dim = DIM
            encode = staticmethod(functions.encode)
            decode = staticmethod(lambda z: z @ self.W.T)

        torch.testing.assert_close(fit(Own(), self.data()).posterior_, wanted)

    @pytest.mark.parametrize("batch_size", [1, 7, 100])
    def test_the_noise_variance_does_not_depend_on_the_batch_size(self, batch_size: int) -> None:
        found, wanted = (fit(self.codec(), self.data(), batch_size=size) for size in (batch_size, 30))
        assert found.model.noise_variance == pytest.approx(wanted.model.noise_variance, rel=1e-12)

    @pytest.mark.parametrize("kind", ["array", "dataset", "loader", "mapping"])
    def test_every_kind_of_data_will_do(self, kind: str) -> None:
        x = self.data()
        kinds: dict[str, Any] = {
            "array": x.numpy(),
            "dataset": TensorDataset(x, x),
            "loader": DataLoader(TensorDataset(x), batch_size=4, shuffle=True),
            "mapping": {"data": x},
        }
        wanted = fit(self.codec(), x).model.noise_variance
        assert fit(self.codec(), kinds[kind]).model.noise_variance == pytest.approx(wanted, rel=1e-12)

    def test_rows_that_are_not_finite_are_named(self) -> None:
        x = self.data()
        x[13, 2] = torch.nan
        with pytest.raises(DataError, match="row 13 holds NaN"):
            fit(self.codec(), x, batch_size=4)

    def test_a_failed_fit_changes_nothing(self) -> None:
        sampler = fit(self.codec(), self.data())
        before = sampler.model
        with pytest.raises(DataError, match="codes are identical"):
            sampler.fit(self.data()[:1].repeat(5, 1))
        assert sampler.model is before

    def test_data_decoded_to_another_shape_need_a_noise_variance(self) -> None:
        codec = Codec(self.codes, lambda z: (z @ self.W.T)[:, :5])
        wanted = r"the data are a torch.float64 tensor of shape \(30, 6\), what is decoded .* \(30, 5\)\. Pass one"
        with pytest.raises(DataError, match=wanted):
            fit(codec, self.data())
        given = fit(as_latent_model(codec, metric="pullback", noise_variance=0.5), self.data())
        assert given.model.noise_variance == 0.5

    def test_exact_reconstructions_have_no_noise_variance(self) -> None:
        codec = Codec(lambda x: 2 * x, lambda z: z / 2)
        with pytest.raises(
            DataError, match=r"reconstructions are exact, which gives noise_variance=0: pass one, as_lat"
        ):
            fit(codec, self.data()[:, :DIM])

    def test_decoders_without_derivatives_are_refused(self) -> None:
        with pytest.raises(UnsupportedModelError, match="the decoder cannot be differentiated"):
            fit(Codec(self.codes, lambda z: (z @ self.W.T).detach()), self.data())

    def test_refitting_learns_the_noise_variance_again(self) -> None:
        sampler = fit(self.codec(), self.data())
        before, first = sampler.model, sampler.model.noise_variance
        again = sampler.fit(self.data() + normal(30, 6, seed=7)).model.noise_variance
        assert again > 2 * first
        assert before.noise_variance == first
        assert sampler.fit(self.data()).model.noise_variance == first

    def test_labels(self) -> None:
        sampler = RiemannianUniformSampler(self.codec(), metric="pullback", law="islands")
        sampler.fit(self.data(), labels=[0, 1] * 15)
        assert sampler.sample(4, label=1, seed=0).shape == (4, 6)

    def test_codes_of_any_shape(self, tmp_path: Path) -> None:
        """What a saved sampler remembers of them reaches the model."""
        codec = Codec(
            lambda x: self.codes(x).reshape(-1, 1, DIM), lambda z: z.flatten(1) @ self.W.T + 0 * z.sum((1, 2))[:, None]
        )
        saved = fit(codec, self.data())
        saved.save(tmp_path)
        loaded = RiemannianUniformSampler.load(tmp_path, codec)
        assert torch.equal(loaded.sample(3, seed=0), saved.sample(3, seed=0))


class TestNoiseVariance:
    def test_a_given_one_is_kept(self, tmp_path: Path) -> None:
        model = make("AE")
        sampler = fit(as_latent_model(model, metric="pullback", noise_variance=0.3))
        assert sampler.model.noise_variance == 0.3
        sampler.save(tmp_path)
        assert RiemannianUniformSampler.load(tmp_path, model).model.noise_variance == 0.3
        other = as_latent_model(model, metric="pullback", noise_variance=0.2)
        assert RiemannianUniformSampler.load(tmp_path, other).model.noise_variance == 0.2

    def test_what_was_loaded_is_learnt_again_by_a_fit(self, tmp_path: Path) -> None:
        model = make("AE")
        fit(model).save(tmp_path)
        loaded = RiemannianUniformSampler.load(tmp_path, model).fit(IMAGES[:20])
        assert loaded.model.noise_variance == pytest.approx(mean_squared_error(model, IMAGES[:20]), rel=1e-5)

    def test_two_samplers_of_one_adapter_do_not_meet(self) -> None:
        adapter = as_latent_model(make("AE"), metric="pullback")
        one, other = fit(adapter), fit(adapter, IMAGES[:20])
        assert one.model.noise_variance != other.model.noise_variance
        assert adapter.noise_variance is None

    def test_the_adapter_alone_is_enough(self) -> None:
        """The sampler's own metric is then the posteriors' as they come."""
        model = make("AE")
        found = fit(as_latent_model(model, metric="pullback"), metric="posterior")
        assert torch.equal(found.posterior_.log_variance, fit(model).posterior_.log_variance)

    def test_it_is_stored_as_json(self, tmp_path: Path) -> None:
        sampler = fit(make("AE"))
        sampler.save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        assert config["noise_variance"] == sampler.model.noise_variance
        assert config["settings"]["metric"] == "pullback"
        fit(make("VAE"), metric="posterior").save(tmp_path)
        assert json.loads((tmp_path / "config.json").read_text())["noise_variance"] is None

    def test_samplers_saved_before_there_was_one(self, tmp_path: Path) -> None:
        model = make("VAE")
        fit(model, metric="posterior").save(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        del config["noise_variance"], config["settings"]["metric"]
        (tmp_path / "config.json").write_text(json.dumps(config))
        loaded = RiemannianUniformSampler.load(tmp_path, model)
        assert loaded.settings.metric == "posterior"

    def test_an_autoencoder_that_is_loaded_needs_the_metric_it_was_fitted_with(self, tmp_path: Path) -> None:
        fit(make("VAE"), metric="posterior").save(tmp_path)
        with pytest.raises(UnsupportedModelError, match=OFFER):
            RiemannianUniformSampler.load(tmp_path, make("AE"))

    def test_without_one_nothing_is_encoded(self) -> None:
        adapter = as_latent_model(make("AE"), metric="pullback")
        with pytest.raises(
            NotFittedError, match=r"noise_variance is not known before fit: .*noise_variance=\.\.\.\)\.$"
        ):
            adapter.encode(IMAGES)

    @pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
    def test_it_is_positive(self, value: float) -> None:
        with pytest.raises(ArgumentError, match="noise_variance must be positive and finite"):
            as_latent_model(make("AE"), metric="pullback", noise_variance=value)

    def test_it_belongs_to_the_metric(self) -> None:
        with pytest.raises(
            ArgumentError, match=r"noise_variance=0\.1 belongs to metric='pullback', but metric is 'pos"
        ):
            as_latent_model(make("VAE"), noise_variance=0.1)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("call", [lambda **given: as_latent_model(make("VAE"), **given), RiemannianUniformSampler])
def test_metrics_are_known(call: Callable[..., Any]) -> None:
    with pytest.raises(ArgumentError, match=r"^metric must be one of 'posterior', 'pullback'; got 'flat'\.$"):
        call(metric="flat")


def test_posteriors_have_their_own_covariances() -> None:
    given = GaussianPosterior(normal(20, DIM), normal(20, DIM))
    with pytest.raises(ArgumentError, match=r"metric='pullback' makes covariances .* but data is a GaussianPosterior"):
        RiemannianUniformSampler(metric="pullback").fit(given)


def test_adapters_are_wrapped_once() -> None:
    adapter = as_latent_model(make("AE"), metric="pullback")
    assert as_latent_model(adapter) is adapter
    assert as_latent_model(adapter, metric="pullback") is adapter
    other = as_latent_model(adapter, metric="pullback", noise_variance=0.1)
    assert isinstance(other, PullbackAdapter)
    assert other.model is adapter.model
    assert other.noise_variance == 0.1


def test_adapters_of_others_are_wrapped_as_they_are() -> None:
    class Foreign:
        pass

    known = AdapterRegistry({Foreign.__module__: lambda _: TwoHalves()})
    adapter = known(Foreign(), metric="pullback", noise_variance=1.0)
    assert isinstance(adapter, PullbackAdapter)
    assert isinstance(adapter.model, TwoHalves)


def test_pseudo_inputs_are_pulled_back() -> None:
    model = make("VAMP")
    sampler = fit(model, centroids="pseudo_inputs", island_scale=1.0)
    own = as_latent_model(model).pseudo_inputs()
    found = sampler.model.pseudo_inputs()
    assert torch.equal(found.mean, own.mean)
    squares = squared_column_norms(as_latent_model(model), own.mean)
    torch.testing.assert_close(found.log_variance, -(squares / sampler.model.noise_variance + 1).log())
    assert as_latent_model(make("AE"), metric="pullback").pseudo_inputs() is None


def test_it_goes_through_shards_with_a_noise_variance(tmp_path: Path) -> None:
    adapter = as_latent_model(make("AE"), metric="pullback", noise_variance=0.02)
    encode_shards(adapter, IMAGES, tmp_path, shard_size=25)
    torch.testing.assert_close(read_codes(tmp_path), adapter.encode(IMAGES))


def test_it_goes_through_pythaes_drop_in(tmp_path: Path) -> None:
    from riemann_sampler.pythae import RiemannianSampler, RiemannianSamplerConfig

    model = make("RAE_L2")
    config = RiemannianSamplerConfig(metric="pullback", law="islands", seed=1)
    sampler = RiemannianSampler(model, config).fit(IMAGES)
    sampler.save(tmp_path)
    samples = sampler.sample(3)
    assert samples is not None
    loaded = RiemannianSampler.load_from_folder(tmp_path, model).sample(3)
    assert loaded is not None
    assert torch.equal(samples, loaded)


def trained() -> Any:
    return make("AE")


def test_it_goes_through_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = Shell(tmp_path, monkeypatch, capsys)
    np.save("images.npy", IMAGES.numpy())
    model = ("--model", f"{__name__}:trained", "--device", "cpu")
    settings = [word for value in ("metric=pullback", "law=islands") for word in ("--set", value)]
    assert shell("fit", *model, "--data", "images.npy", "--out", "sampler", *settings)[0] == 0
    assert shell("sample", "--sampler", "sampler", *model, "-n", 3, "--seed", 1, "--out", "samples.npy")[0] == 0
    assert torch.equal(torch.from_numpy(np.load("samples.npy")), fit(trained()).sample(3, seed=1))


def test_a_module_adapter_knows_whether_it_needs_covariances() -> None:
    """The switch that the registry sets."""
    module = make_plain_vae(DIM)
    found = ModuleAdapter(module, needs_covariance=False).encode(IMAGES[:4])
    torch.testing.assert_close(found, ModuleAdapter(module).encode(IMAGES[:4]))
