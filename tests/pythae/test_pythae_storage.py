"""The files of the drop-in for pythae."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pythae.samplers import NormalSamplerConfig
from torch import Tensor

from riemann_sampler import NotFittedError, StorageError
from riemann_sampler.adapters.pythae_folder import load_pythae
from riemann_sampler.pythae import RiemannianSampler, RiemannianSamplerConfig
from riemann_sampler.settings import PRESETS
from tests.helpers.models import make_pythae


class TestStorage:
    @pytest.mark.filterwarnings("ignore::riemann_sampler.RiemannSamplerWarning")  # of the preset "paper"
    @pytest.mark.parametrize("preset", PRESETS)
    def test_a_loaded_sampler_draws_bit_equal(self, preset: Any, trained: Any, tmp_path: Path) -> None:
        config = RiemannianSamplerConfig.from_preset(preset, n_centroids=20, seed=2)
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
        config = RiemannianSamplerConfig(n_centroids=20, n_steps=5, n_warmup=5, seed=2)
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
