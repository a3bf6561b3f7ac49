"""The settings as a configuration of pythae."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from riemann_sampler import ArgumentError, RiemannianUniformSampler
from riemann_sampler.pythae import RiemannianSamplerConfig
from riemann_sampler.settings import PRESETS, Settings


class TestConfig:
    def test_its_fields_are_the_settings_and_a_seed(self) -> None:
        config = RiemannianSamplerConfig()
        assert asdict(config) == {"name": "RiemannianSamplerConfig", "seed": None, **asdict(Settings())}
        types = {field.name: field.type for field in fields(RiemannianSamplerConfig)}
        assert {field.name: types[field.name] for field in fields(Settings)} == {
            field.name: field.type for field in fields(Settings)
        }

    @pytest.mark.parametrize("preset", PRESETS)
    def test_presets(self, preset: Any) -> None:
        config = RiemannianSamplerConfig.from_preset(preset, floor_share=0.02)
        assert config.settings() == RiemannianUniformSampler.from_preset(preset, floor_share=0.02).settings
        assert config == RiemannianSamplerConfig(**{**PRESETS[preset], "floor_share": 0.02})

    def test_an_override_wins_over_the_preset(self) -> None:
        assert RiemannianSamplerConfig.from_preset("paper", n_centroids=5).n_centroids == 5

    @pytest.mark.usefixtures("without_type_checks")
    def test_an_unknown_preset(self) -> None:
        with pytest.raises(ArgumentError, match=r"preset must be one of 'uniform', 'paper'"):
            RiemannianSamplerConfig.from_preset("best")

    @pytest.mark.parametrize("preset", PRESETS)
    def test_it_goes_through_json_by_pythaes_own_means(self, preset: Any, tmp_path: Path) -> None:
        numbers = {"floor_share": np.float64(0.5), "n_neighbors": np.int64(5)}
        config = RiemannianSamplerConfig.from_preset(preset, seed=3, **numbers)
        config.save_json(tmp_path, "sampler_config")
        assert json.loads((tmp_path / "sampler_config.json").read_text())["name"] == "RiemannianSamplerConfig"
        assert RiemannianSamplerConfig.from_json_file(tmp_path / "sampler_config.json") == config

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("law", "uniform"),
            ("n_centroids", 0),
            ("n_centroids", "auto"),
            ("n_centroids", 2.5),
            ("temperature", "hot"),
            ("temperature", -1.0),
            ("temperature", float("nan")),
            ("min_ess", 1.0),
            ("floor_share", None),
            ("global_moves", "perhaps"),
            ("n_steps", -1),
            ("seed", -1),
            ("seed", 0.5),
            ("lambda", 1.0),
            ("n_centroid", 10),
        ],
    )
    @pytest.mark.usefixtures("without_type_checks")
    def test_bad_fields_are_named(self, field: str, value: Any) -> None:
        with pytest.raises(ValidationError, match=rf"\b{field}\b"):
            RiemannianSamplerConfig(**{field: value})
