"""metric="pullback" on modules, functions and models of a user's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from riemann_sampler import DataError, RiemannianUniformSampler, UnsupportedModelError
from riemann_sampler.adapters import FunctionAdapter, as_latent_model
from tests.helpers.builders import normal
from tests.helpers.models import Codec
from tests.helpers.pullback_cases import DIM, OFFER, fit


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
