"""The noise variance of metric="pullback": given, learnt, kept and asked for."""

import json
import math
from pathlib import Path

import pytest
import torch

from riemann_sampler import NotFittedError, RiemannianUniformSampler, UnsupportedModelError
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.errors import ArgumentError
from tests.helpers.pullback_cases import IMAGES, OFFER, fit, make, mean_squared_error


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
