"""The two laws that a set of posteriors gives rise to, and how each is drawn from."""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import StorageError
from ..mcmc import Kernel, run_chains
from ..metric import DiagonalMetric, FullMetric, IslandMixture, Metric
from ..protocols import GaussianPosterior
from ..settings import Settings

__all__ = ["Draws", "FittedLaws", "IslandLaw", "Law", "VolumeLaw", "chain_starts"]


class Draws(NamedTuple):
    """One block of draws; each field's first axis, or only one, runs over the draws unless said otherwise.

    Attributes:
        z: Positions, in latent units.
        log_density: Log density of the law, in nats; unnormalized for the volume law.
        acceptance: Mean acceptance of the draw's HMC transitions; 1 for independent exact draws.
        global_acceptance: Likewise of its global moves; NaN where there are none.
        n_divergent: Number of divergent trajectories on its way.
        nearest_centroid: Index of the nearest centroid by Mahalanobis distance.
        nearest_distance: That distance, in standard deviations of the centroid's covariance.
        overlap: Effective number of centroids whose weights ω reach the draw.
        trace: Log density along the second half of each chain, (steps, n); no steps for independent draws.
    """

    z: Float[Tensor, "n dim"]
    log_density: Float[Tensor, " n"]
    acceptance: Float[Tensor, " n"]
    global_acceptance: Float[Tensor, " n"]
    n_divergent: Float[Tensor, " n"]
    nearest_centroid: Int[Tensor, " n"]
    nearest_distance: Float[Tensor, " n"]
    overlap: Float[Tensor, " n"]
    trace: Float[Tensor, "steps n"]


@dataclass(frozen=True)
class VolumeLaw:
    """p(z) ∝ (det G(z))^{α/2}, by Markov chains; α = 1 is the Riemannian uniform law (arXiv:2209.07370, section 4.3).

    Attributes:
        metric: The metric G, with α.
        kernel: What a step of the chains does.
        n_steps: Steps of each chain; a draw is the last state of its own chain.
        relative_ess: Relative effective sample size of this law's importance weights over its island mixture.
        starts: Training codes that the chains start at when there are no global moves, else no rows: chains then start
            at draws from the island mixture.
    """

    metric: Metric
    kernel: Kernel
    n_steps: int
    relative_ess: float
    starts: Float[Tensor, "codes dim"]

    def __repr__(self) -> str:
        return f"VolumeLaw({self.metric!r}, {self.n_steps} steps)"

    def draw(self, n: int, generator: torch.Generator) -> Draws:
        """Draws of n independent chains."""
        islands = IslandMixture.of(self.metric)
        start = chain_starts(islands, self.starts, n, generator)
        z, info = run_chains(self.kernel, self.metric, start, generator, n_steps=self.n_steps)
        index, distance, overlap = self.metric.quadratics.chunks.map(partial(_surroundings, self.metric), z)
        return Draws(
            z,
            info.log_density[-1],
            info.acceptance,
            info.global_acceptance,
            info.n_divergent,
            index,
            distance,
            overlap,
            info.log_density[self.n_steps // 2 :],
        )

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and numbers from which `restore` makes the same law again."""
        tensors = {"starts": self.starts, "inverse_mass": self.kernel.inverse_mass, **_metric_tensors(self.metric)}
        scalars = {
            "step_size": self.kernel.step_size,
            "n_steps": self.n_steps,
            "relative_ess": self.relative_ess,
            **_metric_scalars(self.metric),
        }
        return tensors, scalars

    @classmethod
    def restore(cls, settings: Settings, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> "VolumeLaw":
        """The law that gave this `state` under these settings."""
        kernel = Kernel(scalars["step_size"], tensors["inverse_mass"], settings.n_leapfrog_steps, settings.global_moves)
        metric = _restore_metric(tensors, scalars)
        return cls(metric, kernel, scalars["n_steps"], scalars["relative_ess"], tensors["starts"])


@dataclass(frozen=True)
class IslandLaw:
    """The island mixture itself, drawn from exactly and independently.

    Attributes:
        metric: A metric whose isolated islands are those of this law.
        islands: The mixture.
        log_masses: Unnormalized log weights of the islands.
    """

    metric: Metric
    islands: IslandMixture
    log_masses: Float[Tensor, " k"]

    def __repr__(self) -> str:
        k, dim = self.metric.centroids.shape
        return f"IslandLaw({k:,} islands in {dim} dimensions, scale {self.islands.scale:.4g})"

    def draw(self, n: int, generator: torch.Generator) -> Draws:
        """Independent draws."""
        z = self.islands.sample(n, generator)
        describe = partial(_surroundings, self.metric, islands=self.islands)
        index, distance, overlap, log_density = self.metric.quadratics.chunks.map(describe, z)
        one = torch.ones_like(distance)
        return Draws(z, log_density, one, one * math.nan, one * 0, index, distance, overlap, one[None, :][:0])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and numbers from which `restore` makes the same law again."""
        tensors = {"log_masses": self.log_masses, **_metric_tensors(self.metric)}
        return tensors, {"scale": self.islands.scale, **_metric_scalars(self.metric)}

    @classmethod
    def restore(cls, settings: Settings, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> "IslandLaw":  # noqa: ARG003
        """The law that gave this `state`."""
        metric = _restore_metric(tensors, scalars)
        log_masses = tensors["log_masses"]
        islands = IslandMixture(metric.quadratics, scale=scalars["scale"], log_masses=log_masses)
        return cls(metric, islands, log_masses)


Law: TypeAlias = VolumeLaw | IslandLaw


def chain_starts(
    islands: IslandMixture, starts: Float[Tensor, "codes dim"], n: int, generator: torch.Generator
) -> Float[Tensor, "n dim"]:
    """Where chains start: at random ones of the given codes, or, if none are given, at draws from the islands."""
    if len(starts) == 0:
        return islands.sample(n, generator)
    return starts[torch.randint(len(starts), (n,), device=starts.device, generator=generator)]


def _surroundings(metric: Metric, z: Tensor, *, islands: IslandMixture | None = None) -> list[Tensor]:
    """Nearest centroid, distance to it, overlap, and the log density under a mixture, by the same squares."""
    squares = metric.quadratics(z)
    square, index = squares.min(1)
    densities = [] if islands is None else [islands.log_density_by(squares, z)]
    return [index, square.clamp(min=0).sqrt(), metric.overlap_by(squares), *densities]


def _metric_tensors(metric: Metric) -> dict[str, Tensor]:
    return {"centroids": metric.centroids, "precisions": metric.precisions}


def _metric_scalars(metric: Metric) -> dict[str, float]:
    names = ("temperature", "regularization", "decay", "volume_exponent")
    return {name: getattr(metric, name) for name in names}


def _restore_metric(tensors: dict[str, Tensor], scalars: dict[str, Any]) -> Metric:
    metric_class = DiagonalMetric if tensors["precisions"].ndim == 2 else FullMetric
    names = ("temperature", "regularization", "decay", "volume_exponent")
    return metric_class(tensors["centroids"], tensors["precisions"], **{name: scalars[name] for name in names})


@dataclass(frozen=True)
class FittedLaws:
    """Posteriors of the training data, and a law for each label; without labels there is one law, that of None.

    Attributes:
        settings: Arguments of the fit.
        posterior: Posteriors of all data, as the model gave them.
        laws: Law of each label.
        counts: Number of data points of each label.
        device: Where the model gave the posteriors, and where samples go; mapped posteriors themselves are on the CPU.
    """

    settings: Settings
    posterior: GaussianPosterior
    laws: Mapping[Hashable, Law]
    counts: Mapping[Hashable, int]
    device: torch.device

    def state(self) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
        """Tensors by name, and plain values for each law; a `StorageError` if a label cannot be written as JSON."""
        tensors = dict(zip(("mean", "log_variance"), self.posterior, strict=True))
        laws = []
        for index, (label, law) in enumerate(self.laws.items()):
            if not isinstance(label, str | int | float | None):
                msg = f"label {label!r} cannot be saved; fit with labels that are strings or numbers."
                raise StorageError(msg)
            law_tensors, scalars = law.state()
            tensors |= {f"law{index}.{name}": tensor for name, tensor in law_tensors.items()}
            laws.append({"label": label, "n_codes": self.counts[label], **scalars})
        return tensors, laws

    @classmethod
    def restore(cls, settings: Settings, tensors: Mapping[str, Tensor], laws: list[dict[str, Any]]) -> "FittedLaws":
        """The fit whose `state` this is."""
        law_class = IslandLaw if settings.law == "islands" else VolumeLaw
        restored: dict[Hashable, Law] = {}
        for index, scalars in enumerate(laws):
            prefix = f"law{index}."
            own = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            restored[scalars["label"]] = law_class.restore(settings, own, scalars)
        counts = {scalars["label"]: scalars["n_codes"] for scalars in laws}
        posterior = GaussianPosterior(tensors["mean"], tensors["log_variance"])
        return cls(settings, posterior, restored, counts, posterior.mean.device)
