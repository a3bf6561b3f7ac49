"""The choices that shape a law and its chains, checked once, and the presets."""

from collections.abc import Callable
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
    "local": {
        "law": "islands",
        "n_centroids": None,
        "centroid_covariance": "local",
        "covariance_structure": "full",
        "island_scale": 1.0,
    },
}
"""Arguments of the named set-ups; what a preset leaves out keeps its default."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments of `RiemannianUniformSampler` that shape its law; meanings and errors are documented there."""

    metric: Literal["posterior", "pullback"] = "posterior"
    centroids: Literal["data", "pseudo_inputs"] = "data"
    n_centroids: int | Literal["auto"] | None = 1000
    centroid_covariance: Literal["posterior", "cluster", "local"] = "posterior"
    n_neighbors: int = 5
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
    n_steps: int | Literal["auto"] = "auto"
    n_warmup: int | Literal["auto"] = "auto"
    n_leapfrog_steps: int = 2

    def __post_init__(self) -> None:
        choice("metric", self.metric, ("posterior", "pullback"))
        choice("centroids", self.centroids, ("data", "pseudo_inputs"))
        choice("centroid_covariance", self.centroid_covariance, ("posterior", "cluster", "local"))
        choice("covariance_structure", self.covariance_structure, ("diagonal", "full"))
        choice("global_moves", self.global_moves, (True, False))
        choice("law", self.law, ("volume", "islands"))
        if self.n_centroids == "auto" and self.centroid_covariance != "cluster":
            msg = "n_centroids='auto' compares clusters: it needs centroid_covariance='cluster'."
            raise ArgumentError(msg)
        if self.centroids == "pseudo_inputs" and self.centroid_covariance != "posterior":
            msg = "centroids='pseudo_inputs' come with their own posteriors: they need centroid_covariance='posterior'."
            raise ArgumentError(msg)
        self._make_number(natural, "n_centroids", words=("auto",), optional=True)
        self._make_number(positive, "island_scale", words=("calibrated",))
        self._make_number(positive, "temperature", words=("auto", "nearest"))
        for name in ("regularization", "decay"):
            self._make_number(positive, name, optional=True)
        for name in ("min_ess", "floor_share", "volume_exponent"):
            self._make_number(positive, name)
        for name in ("min_ess", "floor_share"):
            if getattr(self, name) >= 1:
                msg = f"{name} is a share and must be below 1, got {getattr(self, name)!r}."
                raise ArgumentError(msg)
        for name in ("n_steps", "n_warmup"):
            self._make_number(natural, name, words=("auto",))
        for name in ("n_neighbors", "n_leapfrog_steps"):
            self._make_number(natural, name)

    def _make_number(
        self, check: Callable[[str, Any], float], name: str, *, words: tuple[str, ...] = (), optional: bool = False
    ) -> None:
        """Check a setting and make it a plain number, unless it is a word, or None, that may stand for one."""
        value = getattr(self, name)
        if (optional and value is None) or (isinstance(value, str) and value in words):
            return
        if words and isinstance(value, str):
            msg = f"{name} must be a number or {' or '.join(map(repr, words))}; got {value!r}."
            raise ArgumentError(msg)
        object.__setattr__(self, name, check(name, value))
