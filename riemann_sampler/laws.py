"""The two laws that a set of posteriors gives rise to, and how each is fitted and drawn from."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from . import chains
from .calibration import calibrated_scale, heldout_n_clusters, make_quadratics, nearest_distances
from .centroids import Centroids, cluster_centroids, merge_duplicates, posterior_centroids
from .errors import DataError, FloorWarning, TemperatureWarning
from .islands import IslandMixture, floor_share, island_scale, proper_floor
from .metric import DiagonalMetric, FullMetric, Metric
from .protocols import GaussianPosterior
from .settings import Settings
from .temperature import ess_temperature, nearest_temperature, relative_ess

__all__ = ["Draws", "IslandLaw", "Law", "VolumeLaw", "fit_law"]

WARM_UP_CHAINS = 256
LARGE_FLOOR_SHARE = 0.05


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
    kernel: chains.Kernel
    n_steps: int
    relative_ess: float
    starts: Float[Tensor, "codes dim"]

    @property
    def islands(self) -> IslandMixture:
        """The island mixture of the metric."""
        return IslandMixture.of(self.metric)

    def draw(self, n: int, generator: torch.Generator) -> Draws:
        """Draws of n independent chains."""
        islands = self.islands
        start = chain_starts(islands, self.starts, n, generator)
        z, info = chains.run(self.kernel, self.metric, islands, start, generator, n_steps=self.n_steps)
        distance, index = nearest_distances(self.metric.quadratics, z)
        return Draws(
            z,
            info.log_density[-1],
            info.acceptance,
            info.global_acceptance,
            info.n_divergent,
            index,
            distance,
            self.metric.overlap(z),
            info.log_density[self.n_steps // 2 :],
        )

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and numbers from which `restore` makes the same law again."""
        tensors = {"starts": self.starts, "inverse_mass": self.kernel.inverse_mass, **_metric_tensors(self.metric)}
        scalars = {
            "step_size": self.kernel.step_size,
            "relative_ess": self.relative_ess,
            **_metric_scalars(self.metric),
        }
        return tensors, scalars

    @classmethod
    def restore(cls, settings: Settings, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> "VolumeLaw":
        """The law that gave this `state` under these settings."""
        kernel = chains.Kernel(
            scalars["step_size"], tensors["inverse_mass"], settings.n_leapfrog_steps, settings.global_moves
        )
        metric = _restored_metric(tensors, scalars)
        return cls(metric, kernel, settings.n_steps, scalars["relative_ess"], tensors["starts"])


@dataclass(frozen=True)
class IslandLaw:
    """The island mixture itself, drawn from exactly and independently.

    Attributes:
        metric: A metric whose isolated islands are those of this law.
        islands: The mixture.
        relative_ess: Relative effective sample size of the metric's volume law over the mixture.
        log_masses: Unnormalized log weights of the islands.
    """

    metric: Metric
    islands: IslandMixture
    relative_ess: float
    log_masses: Float[Tensor, " k"]

    def draw(self, n: int, generator: torch.Generator) -> Draws:
        """Independent draws."""
        z = self.islands.sample(n, generator)
        distance, index = nearest_distances(self.metric.quadratics, z)
        one = torch.ones_like(distance)
        log_density = self.islands.log_density(z)
        overlap = self.metric.overlap(z)
        return Draws(z, log_density, one, one * math.nan, one * 0, index, distance, overlap, one[None, :][:0])

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and numbers from which `restore` makes the same law again."""
        tensors = {"log_masses": self.log_masses, **_metric_tensors(self.metric)}
        return tensors, {"scale": self.islands.scale, "relative_ess": self.relative_ess, **_metric_scalars(self.metric)}

    @classmethod
    def restore(cls, settings: Settings, tensors: dict[str, Tensor], scalars: dict[str, Any]) -> "IslandLaw":  # noqa: ARG003
        """The law that gave this `state`."""
        metric = _restored_metric(tensors, scalars)
        log_masses = tensors["log_masses"]
        islands = IslandMixture(metric.quadratics, scale=scalars["scale"], log_masses=log_masses)
        return cls(metric, islands, scalars["relative_ess"], log_masses)


Law: TypeAlias = VolumeLaw | IslandLaw


def fit_law(posterior: GaussianPosterior, settings: Settings, seed: int) -> Law:
    """The law of a set of posteriors; a `DataError` if a rule of the settings finds no answer in them."""
    centroids = _centroids(posterior, settings, seed)
    unit = _unit_metric(centroids, settings)
    fit = _fit_island_law if settings.law == "islands" else _fit_volume_law
    return fit(posterior, centroids, unit, settings, seed)


def chain_starts(
    islands: IslandMixture, starts: Float[Tensor, "codes dim"], n: int, generator: torch.Generator
) -> Float[Tensor, "n dim"]:
    """Where chains start: at random ones of the given codes, or, if none are given, at draws from the islands."""
    if len(starts) == 0:
        return islands.sample(n, generator)
    return starts[torch.randint(len(starts), (n,), device=starts.device, generator=generator)]


def _centroids(posterior: GaussianPosterior, settings: Settings, seed: int) -> Centroids:
    full = settings.covariance_structure == "full"
    k = settings.n_centroids
    if settings.centroid_covariance == "cluster":
        k = heldout_n_clusters(posterior, full=full, seed=seed) if k == "auto" else k
        return cluster_centroids(posterior, k, seed, full=full)
    centroids = posterior_centroids(posterior, k if isinstance(k, int) else None, seed)
    return centroids._replace(covariances=torch.diag_embed(centroids.covariances)) if full else centroids


def _unit_metric(centroids: Centroids, settings: Settings) -> Metric:
    metric_class = FullMetric if settings.covariance_structure == "full" else DiagonalMetric
    return metric_class(
        centroids.means,
        make_quadratics(centroids).precisions,
        temperature=1.0,
        regularization=1.0,
        decay=1.0,
        volume_exponent=settings.volume_exponent,
    )


def _proper_metric(unit: Metric, temperature: float, posterior: GaussianPosterior, settings: Settings) -> Metric:
    """The metric at a temperature, with a floor as wide as the aggregate posterior and of mass ``floor_share``."""
    second_moment = (posterior.mean.square().mean() + posterior.log_variance.exp().mean()).item()
    decay = settings.decay or 1 / (settings.volume_exponent * unit.dim * second_moment)
    share, exponent = settings.floor_share, settings.volume_exponent
    floor = proper_floor(unit.quadratics, temperature, exponent, share=share, decay=decay)
    return unit.replace(temperature=temperature, regularization=floor.regularization, decay=decay)


def _fit_volume_law(
    posterior: GaussianPosterior, centroids: Centroids, unit: Metric, settings: Settings, seed: int
) -> VolumeLaw:
    def metric_at(temperature: float) -> Metric:
        return _proper_metric(unit, temperature, posterior, settings)

    # The ESS judges the islands, so it is taken under a proper floor even where the settings ask for another one.
    proper = metric_at(_temperature(posterior, centroids, metric_at, settings, seed))
    ess = relative_ess(proper, seed)
    metric = proper
    if settings.regularization is not None:
        metric = proper.replace(
            temperature=proper.temperature, regularization=settings.regularization, decay=proper.decay
        )
    _warn(metric, ess, settings)

    generator = torch.Generator(metric.centroids.device).manual_seed(seed)
    starts = posterior.mean[:0] if settings.global_moves else posterior.mean
    islands = IslandMixture.of(metric)
    kernel = chains.make_kernel(
        metric,
        islands,
        chain_starts(islands, starts, WARM_UP_CHAINS, generator),
        generator,
        n_warmup=settings.n_warmup,
        n_leapfrog_steps=settings.n_leapfrog_steps,
        global_moves=settings.global_moves,
    )
    return VolumeLaw(metric, kernel, settings.n_steps, ess, starts)


def _temperature(
    posterior: GaussianPosterior,
    centroids: Centroids,
    metric_at: Callable[[float], Metric],
    settings: Settings,
    seed: int,
) -> float:
    """The temperature that the settings' rule gives."""
    if settings.temperature == "auto":
        # An island as wide as the aggregate posterior is as wide as makes sense.
        unit = metric_at(1.0)
        aggregate = posterior.mean.var(0).mean() + posterior.log_variance.exp().mean()
        widest = (aggregate / unit.quadratics.variances.mean()).sqrt().item()
        widest /= island_scale(1.0, settings.volume_exponent, unit.dim)
        return ess_temperature(metric_at, widest, min_ess=settings.min_ess, seed=seed)
    if settings.temperature == "nearest":
        if len(centroids.means) < 2:
            msg = "temperature='nearest' needs at least two distinct centroids, got 1; pass a number."
            raise DataError(msg)
        return nearest_temperature(centroids.means)
    return float(settings.temperature)


def _warn(metric: Metric, ess: float, settings: Settings) -> None:
    if settings.temperature == "nearest":
        msg = (
            f"temperature='nearest' gives {metric.temperature:.3g}, at which the relative effective sample size of the "
            f"uniform law over its islands is {ess:.2g}: below about 0.5 the mass gathers in the most crowded spots. "
            "temperature='auto' keeps it at min_ess."
        )
        warnings.warn(msg, TemperatureWarning, stacklevel=5)
    share = floor_share(metric)
    if share > LARGE_FLOOR_SHARE:
        msg = (
            f"the floor (regularization={metric.regularization:.3g}, decay={metric.decay:.3g}) holds a share of "
            f"{share:.3g} of the mass, far from the data; leave both None for a floor of share "
            f"floor_share={settings.floor_share:.3g}."
        )
        warnings.warn(msg, FloorWarning, stacklevel=5)


def _fit_island_law(
    posterior: GaussianPosterior, centroids: Centroids, unit: Metric, settings: Settings, seed: int
) -> IslandLaw:
    log_masses = centroids.sizes.log() - 0.5 * (1 - settings.volume_exponent) * unit.quadratics.log_det

    def islands_at(scale: float) -> IslandMixture:
        return IslandMixture(unit.quadratics, scale=scale, log_masses=log_masses)

    if settings.island_scale == "calibrated":
        codes = make_quadratics(merge_duplicates(posterior))
        scale = calibrated_scale(codes, islands_at, seed=seed)
    else:
        scale = float(settings.island_scale)
    temperature = scale / island_scale(1.0, settings.volume_exponent, unit.dim)
    metric = _proper_metric(unit, temperature, posterior, settings)
    return IslandLaw(metric, islands_at(scale), relative_ess(metric, seed), log_masses)


def _metric_tensors(metric: Metric) -> dict[str, Tensor]:
    return {"centroids": metric.centroids, "precisions": metric.precisions}


def _metric_scalars(metric: Metric) -> dict[str, float]:
    names = ("temperature", "regularization", "decay", "volume_exponent")
    return {name: getattr(metric, name) for name in names}


def _restored_metric(tensors: dict[str, Tensor], scalars: dict[str, Any]) -> Metric:
    metric_class = DiagonalMetric if tensors["precisions"].ndim == 2 else FullMetric
    names = ("temperature", "regularization", "decay", "volume_exponent")
    return metric_class(tensors["centroids"], tensors["precisions"], **{name: scalars[name] for name in names})
