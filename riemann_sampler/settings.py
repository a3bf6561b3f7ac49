"""The arguments that shape a law and its chains, declared and checked once, and the presets.

`RiemannianUniformSampler`, its configuration for pythae and the command line take them from here.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, TypeVar

from .errors import ArgumentError
from .validation import choice, natural, positive

__all__ = [
    "PRESETS",
    "Preset",
    "Settings",
    "closest_preset",
    "document_arguments",
    "drop_unread",
    "preset_arguments",
]

Class = TypeVar("Class")

Preset = Literal["local", "uniform", "paper", "calibrated", "clusters"]

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
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


def _read_if(default: Any, **conditions: Any) -> Any:
    """An argument that is read only if others have these values."""
    return field(default=default, metadata={"read_if": conditions})


@dataclass(kw_only=True)
class Settings:
    """The arguments of `RiemannianUniformSampler` that shape its law.

    Attributes:
        metric: ``"posterior"``, the encoder's own covariances; or ``"pullback"``, those that the decoder's Jacobian J
            implies, diag(JᵀJ/σ + I)⁻¹ (arXiv:2209.07370, eqs. 9-11), for which an autoencoder without covariances will
            do as well. σ is the mean squared error of the training data's reconstructions, found by going through the
            data once more; ``as_latent_model(model, metric="pullback", noise_variance=...)`` is a model with another.
        centroids: ``"data"``, codes of the training data; or ``"pseudo_inputs"``, those of the pseudo-inputs that a
            VAMP model has learnt (arXiv:1705.07120), the data then only setting scales.
        n_centroids: Centroids K to which the codes are reduced; None keeps all, ``"auto"`` (clusters only) takes
            the number that held-out codes prefer.
        centroid_covariance: ``"posterior"``, real codes with their posteriors; ``"cluster"``, k-means clusters
            with their total covariance; or ``"local"``, real codes, their posteriors widened by the codes around.
        n_neighbors: Codes around each for ``centroid_covariance="local"``.
        covariance_structure: ``"diagonal"`` or ``"full"``.
        law: ``"volume"``, p ∝ (det G)^{α/2}, by Markov chains; or ``"islands"``, its mixture of isolated islands,
            drawn exactly.
        island_scale: Width s of the islands for ``law="islands"``, in posterior standard deviations, or
            ``"calibrated"``: samples as far from the codes as these are from one another, islands of posterior
            covariances no narrower than the posteriors.
        temperature: ρ for ``law="volume"``; ``"auto"``, the largest that keeps ``min_ess``; or ``"nearest"``, the
            paper's rule.
        min_ess: Relative effective sample size that ``temperature="auto"`` keeps, in (0, 1).
        regularization: Floor λ of the metric for ``law="volume"``; None solves it for ``floor_share``.
        decay: Rate τ of the floor, in inverse squared latent units; None fits it to the codes' second moment.
        floor_share: Share of the mass that the floor holds, in (0, 1).
        volume_exponent: α; 1 is the Riemannian uniform law.
        global_moves: Whether chains (``law="volume"``) also move between islands. Without these moves chains start at
            training codes and stay near them, as the paper's do.
        n_steps: Steps of each chain, whose last state is a sample; ``"auto"`` takes as many as pilot chains need until
            the split R-hat of their log volume is below 1.007.
        n_warmup: Steps in which ``fit`` adapts the chains' step size; ``"auto"`` ends when it has settled.
        n_leapfrog_steps: Leapfrog steps of a chain's HMC transition.
    """

    metric: Literal["posterior", "pullback"] = "posterior"
    centroids: Literal["data", "pseudo_inputs"] = "data"
    n_centroids: int | Literal["auto"] | None = 1000
    centroid_covariance: Literal["posterior", "cluster", "local"] = "posterior"
    n_neighbors: int = _read_if(5, centroid_covariance="local")
    covariance_structure: Literal["diagonal", "full"] = "diagonal"
    law: Literal["volume", "islands"] = "volume"
    island_scale: float | Literal["calibrated"] = _read_if("calibrated", law="islands")
    temperature: float | Literal["auto", "nearest"] = _read_if("auto", law="volume")
    min_ess: float = _read_if(0.8, law="volume")
    regularization: float | None = _read_if(None, law="volume")
    decay: float | None = None
    floor_share: float = 1e-3
    volume_exponent: float = 1.0
    global_moves: bool = _read_if(True, law="volume")
    n_steps: int | Literal["auto"] = _read_if("auto", law="volume")
    n_warmup: int | Literal["auto"] = _read_if("auto", law="volume")
    n_leapfrog_steps: int = _read_if(2, law="volume")

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
        self._refuse_unread()

    def _refuse_unread(self) -> None:
        """Raise an `ArgumentError` on a value, other than the default, that nothing reads."""
        for declared in fields(Settings):
            value, unmet = getattr(self, declared.name), _unmet(declared.name, vars(self))
            if value != declared.default and unmet:
                needs = ", ".join(f"{name}={wanted!r}" for name, wanted in unmet.items())
                found = ", ".join(f"{name}={getattr(self, name)!r}" for name in unmet)
                msg = (
                    f"{declared.name}={value!r} is read with {needs} only, here {found}: leave it out, or set {needs}."
                )
                raise ArgumentError(msg)

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
        setattr(self, name, check(name, value))


_CONDITIONS: Final = {declared.name: declared.metadata.get("read_if", {}) for declared in fields(Settings)}
_DEFAULTS: Final = {declared.name: declared.default for declared in fields(Settings)}


def _unmet(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Values that other arguments lack for this one to be read."""
    return {other: wanted for other, wanted in _CONDITIONS[name].items() if arguments[other] != wanted}


def drop_unread(arguments: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
    """The arguments of `Settings` without those that nothing reads, but for those to keep."""
    values = {**_DEFAULTS, **arguments}
    return {name: value for name, value in arguments.items() if name in keep or not _unmet(name, values)}


def preset_arguments(preset: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a named set-up with some overridden; those of its own that nothing reads then are left out.

    An `ArgumentError` if there is no such set-up.
    """
    own = {**PRESETS[choice("preset", preset, PRESETS)]}
    others = {name: value for name, value in overrides.items() if name not in _DEFAULTS}
    settings = {name: value for name, value in overrides.items() if name in _DEFAULTS}
    return {**drop_unread({**own, **settings}, keep=settings), **others}


def closest_preset(settings: Settings) -> tuple[str, dict[str, Any]]:
    """The named set-up that differs least from the settings, and what differs from it."""
    differences = {
        preset: {
            name: getattr(settings, name)
            for name, default in _DEFAULTS.items()
            if getattr(settings, name) != arguments.get(name, default)
        }
        for preset, arguments in PRESETS.items()
    }
    return min(differences.items(), key=lambda item: len(item[1]))


def document_arguments(cls: type[Class]) -> type[Class]:
    """Add the arguments of `Settings` to those in the docstring of a class that takes them."""
    before, heading, own = (cls.__doc__ or "").partition("    Attributes:\n")
    arguments = (Settings.__doc__ or "").partition("    Attributes:\n")[2].rstrip()
    own, separator, after = own.partition("\n\n")
    cls.__doc__ = f"{before}{heading.replace('Attributes', 'Args')}{own}\n{arguments}{separator}{after}"
    return cls
