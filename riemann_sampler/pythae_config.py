"""The settings as a configuration of pythae, which writes and reads itself as JSON."""

from dataclasses import fields
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from pythae.samplers import BaseSamplerConfig

from .settings import PRESETS, Settings
from .validation import choice, natural

__all__ = ["RiemannianSamplerConfig"]


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class RiemannianSamplerConfig(BaseSamplerConfig):  # type: ignore[misc] # pythae has no types
    """The settings of `RiemannianUniformSampler`, by the names and with the meanings documented there, and a seed.

    ``seed`` is that of the fit and of every call of ``sample``, which then always gives the same samples. None fits
    with seed 0 and draws new samples at each call, as pythae's own samplers do.

    A value that cannot be used, or an unknown name, is pydantic's ``ValidationError``, which is a ``ValueError``.
    """

    metric: Literal["posterior", "pullback"] = Settings.metric
    centroids: Literal["data", "pseudo_inputs"] = Settings.centroids
    n_centroids: int | Literal["auto"] | None = Settings.n_centroids
    centroid_covariance: Literal["posterior", "cluster", "local"] = Settings.centroid_covariance
    n_neighbors: int = Settings.n_neighbors
    covariance_structure: Literal["diagonal", "full"] = Settings.covariance_structure
    law: Literal["volume", "islands"] = Settings.law
    island_scale: float | Literal["calibrated"] = Settings.island_scale
    temperature: float | Literal["auto", "nearest"] = Settings.temperature
    min_ess: float = Settings.min_ess
    regularization: float | None = Settings.regularization
    decay: float | None = Settings.decay
    floor_share: float = Settings.floor_share
    volume_exponent: float = Settings.volume_exponent
    global_moves: bool = Settings.global_moves
    n_steps: int | Literal["auto"] = Settings.n_steps
    n_warmup: int | Literal["auto"] = Settings.n_warmup
    n_leapfrog_steps: int = Settings.n_leapfrog_steps
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings()
        if self.seed is not None:
            natural("seed", self.seed, least=0)

    @classmethod
    def from_preset(
        cls, preset: Literal["uniform", "paper", "calibrated", "clusters", "local"], **overrides: Any
    ) -> "RiemannianSamplerConfig":
        """The configuration of a set-up of `RiemannianUniformSampler.from_preset`, with some fields overridden."""
        return cls(**{**PRESETS[choice("preset", preset, PRESETS)], **overrides})

    def settings(self) -> Settings:
        """The settings without the seed; an `ArgumentError` if one has no possible meaning."""
        return Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})
