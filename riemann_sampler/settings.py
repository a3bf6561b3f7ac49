"""The choices that shape a law and its chains, checked once, and the presets."""

from dataclasses import dataclass
from typing import Any, Final, Literal

from .errors import ArgumentError
from .validation import choice, natural, positive

__all__ = ["PRESETS", "Settings"]

PRESETS: Final[dict[str, dict[str, Any]]] = {
    "uniform": {},
    "paper": {
        "n_centroids": 100,
        "temperature": "nearest",
        "regularization": 0.01,
        "decay": 1e-10,
        "global_moves": False,
        "n_steps": 100,
        "n_leapfrog_steps": 10,
    },
    "calibrated": {"law": "islands", "n_centroids": None},
    "clusters": {
        "law": "islands",
        "n_centroids": "auto",
        "centroid_covariance": "cluster",
        "covariance_structure": "full",
        "island_scale": 1.0,
    },
}
"""Arguments of the named set-ups; what a preset leaves out keeps its default."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments of `RiemannianUniformSampler` that shape its law; meanings and errors are documented there."""

    n_centroids: int | Literal["auto"] | None = 1000
    centroid_covariance: Literal["posterior", "cluster"] = "posterior"
    covariance_structure: Literal["diagonal", "full"] = "diagonal"
    law: Literal["volume", "islands"] = "volume"
    island_scale: float | Literal["calibrated"] = "calibrated"
    temperature: float | Literal["auto", "nearest"] = "auto"
    min_ess: float = 0.8
    regularization: float | None = None
    decay: float | None = None
    floor_share: float = 1e-3
    volume_exponent: float = 1.0
    global_moves: bool = True
    n_steps: int = 20
    n_warmup: int = 50
    n_leapfrog_steps: int = 5

    def __post_init__(self) -> None:
        choice("centroid_covariance", self.centroid_covariance, ("posterior", "cluster"))
        choice("covariance_structure", self.covariance_structure, ("diagonal", "full"))
        choice("law", self.law, ("volume", "islands"))
        if self.n_centroids == "auto":
            if self.centroid_covariance != "cluster":
                msg = "n_centroids='auto' compares clusters: it needs centroid_covariance='cluster'."
                raise ArgumentError(msg)
        elif self.n_centroids is not None:
            _number_or(("auto",), "n_centroids", self.n_centroids, natural)
        _number_or(("calibrated",), "island_scale", self.island_scale, positive)
        _number_or(("auto", "nearest"), "temperature", self.temperature, positive)
        for name in ("regularization", "decay"):
            if getattr(self, name) is not None:
                positive(name, getattr(self, name))
        for name in ("min_ess", "floor_share"):
            if positive(name, getattr(self, name)) >= 1:
                msg = f"{name} is a share and must be below 1, got {getattr(self, name)!r}."
                raise ArgumentError(msg)
        positive("volume_exponent", self.volume_exponent)
        for name in ("n_steps", "n_warmup", "n_leapfrog_steps"):
            natural(name, getattr(self, name))


def _number_or(words: tuple[str, ...], name: str, value: Any, check: Any) -> None:
    if isinstance(value, str):
        if value not in words:
            msg = f"{name} must be a number or one of {', '.join(map(repr, words))}; got {value!r}."
            raise ArgumentError(msg)
    else:
        check(name, value)
