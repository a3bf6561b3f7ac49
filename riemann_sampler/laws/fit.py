"""From posteriors and settings to a fitted law."""

import math
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from ..compute import warn_user
from ..encoding import StreamedPosteriors, subset
from ..errors import DataError, FloorWarning, TemperatureWarning
from ..mcmc import choose_n_steps, make_kernel
from ..metric import (
    Centroids,
    DiagonalMetric,
    FullMetric,
    IslandMixture,
    Metric,
    Quadratics,
    cluster_centroids,
    floor_share,
    island_scale,
    local_centroids,
    merge_duplicates,
    posterior_centroids,
    proper_floor,
)
from ..protocols import GaussianPosterior
from ..settings import Settings
from .calibration import calibrated_scale, heldout_n_clusters
from .law import IslandLaw, Law, VolumeLaw, chain_starts
from .shrinkage import Estimate, shrink_to_pooled
from .temperature import ess_temperature, nearest_temperature, relative_ess

__all__ = ["fit_laws"]

WARM_UP_CHAINS, PILOT_CHAINS = 256, 2048
MANY_CODES = 100_000
"""Beyond so many, a random subset stands for the codes: as starts of chains, and to find the number of clusters."""

CODES_COUNTED = 200
"""Beyond so many, a random subset tells whether a label has enough distinct codes."""

LARGE_FLOOR_SHARE = 0.05
LOW_ESS = 0.5


class _Draft(NamedTuple):
    """What is found of a label's posteriors before its law is settled.

    Attributes:
        estimate: What labels of few codes share.
        second_moment: That of the aggregate posterior.
        starts: Codes that chains start at.
    """

    estimate: Estimate
    second_moment: float
    starts: Float[Tensor, "codes dim"]


def fit_laws(
    parts: Iterable[tuple[Hashable, StreamedPosteriors]],
    settings: Settings,
    seed: int,
    pseudo_inputs: GaussianPosterior | None = None,
) -> dict[Hashable, Law]:
    """A law for each label's posteriors; labels with too few codes are shrunk towards the pooled estimate.

    Centroids are taken from the pseudo-inputs if there are any. A `DataError` if a rule of the settings finds no answer
    in the posteriors.
    """
    drafts = {label: _draft(codes, settings, seed, pseudo_inputs) for label, codes in parts}
    laws: dict[Hashable, Law] = {}
    for label, islands in shrink_to_pooled({label: draft.estimate for label, draft in drafts.items()}).items():
        if settings.law == "islands":
            laws[label] = _island_law(*islands, drafts[label].second_moment, settings)
        else:
            laws[label] = _volume_law(islands.centroids, drafts[label], settings, seed)
    return laws


def _draft(codes: StreamedPosteriors, settings: Settings, seed: int, pseudo_inputs: GaussianPosterior | None) -> _Draft:
    centroids = _centroids(codes if pseudo_inputs is None else codes.of(pseudo_inputs), settings, seed)
    scale = _own_scale(codes, centroids, settings, seed) if settings.law == "islands" else 1.0
    return _Draft(
        Estimate(_n_distinct(codes.posterior, seed), centroids, settings.centroid_covariance != "posterior", scale),
        codes.second_moment(),
        codes.subset(0 if settings.global_moves else MANY_CODES, seed).placed().mean,
    )


def _n_distinct(posterior: GaussianPosterior, seed: int) -> int:
    """How many of the codes are distinct, if these are few; beyond `CODES_COUNTED` not all are looked at."""
    return len(merge_duplicates(subset(posterior, CODES_COUNTED, seed)).means)


def _centroids(codes: StreamedPosteriors, settings: Settings, seed: int) -> Centroids:
    full = settings.covariance_structure == "full"
    k = settings.n_centroids
    if settings.centroid_covariance == "cluster":
        if k == "auto":
            k = heldout_n_clusters(codes.subset(MANY_CODES, seed).placed(), full=full, seed=seed)
        return cluster_centroids(codes, k, seed, full=full)
    k = k if isinstance(k, int) else None
    if settings.centroid_covariance == "local":
        return local_centroids(codes, k, seed, n_neighbors=settings.n_neighbors, full=full)
    centroids = posterior_centroids(codes, k, seed)
    return centroids._replace(covariances=torch.diag_embed(centroids.covariances)) if full else centroids


def _unit_metric(centroids: Centroids, settings: Settings) -> Metric:
    metric_class = FullMetric if settings.covariance_structure == "full" else DiagonalMetric
    return metric_class(
        centroids.means,
        centroids.precisions,
        temperature=1.0,
        regularization=1.0,
        decay=1.0,
        volume_exponent=settings.volume_exponent,
    )


def _proper_metric(unit: Metric, temperature: float, second_moment: float, settings: Settings) -> Metric:
    """The metric at a temperature, with a floor as wide as the aggregate posterior and of mass ``floor_share``."""
    decay = settings.decay or 1 / (settings.volume_exponent * unit.dim * second_moment)
    share, exponent = settings.floor_share, settings.volume_exponent
    floor = proper_floor(unit.quadratics, temperature, exponent, share=share, decay=decay)
    return unit.replace(temperature=temperature, regularization=floor.regularization, decay=decay)


def _volume_law(centroids: Centroids, draft: _Draft, settings: Settings, seed: int) -> VolumeLaw:
    unit = _unit_metric(centroids, settings)

    def metric_at(temperature: float) -> Metric:
        return _proper_metric(unit, temperature, draft.second_moment, settings)

    # The ESS judges the islands, so it is taken under a proper floor even where the settings ask for another one.
    proper = metric_at(_temperature(unit, metric_at, settings, seed))
    ess = relative_ess(proper, seed)
    metric = proper
    if settings.regularization is not None:
        metric = proper.replace(regularization=settings.regularization)
    _warn(metric, ess, settings)

    generator = torch.Generator(metric.centroids.device).manual_seed(seed)
    islands, starts = IslandMixture.of(metric), draft.starts
    kernel = make_kernel(
        metric,
        chain_starts(islands, starts, WARM_UP_CHAINS, generator),
        generator,
        n_warmup=settings.n_warmup,
        n_leapfrog_steps=settings.n_leapfrog_steps,
        global_moves=settings.global_moves,
    )
    n_steps = settings.n_steps
    if n_steps == "auto":
        n_steps = choose_n_steps(kernel, metric, chain_starts(islands, starts, PILOT_CHAINS, generator), generator)
    return VolumeLaw(metric, kernel, n_steps, ess, starts)


def _widest_scale(quadratics: Quadratics) -> float:
    """The island scale that no temperature should exceed; in two dimensions the relative ESS would allow any.

    Islands are as wide as their covariance, or as it takes to reach the nearest other centroid, in the median.
    """
    if quadratics.n_centroids == 1:
        return 1.0
    own = torch.arange(quadratics.n_centroids, device=quadratics.centroids.device)
    distance, _ = quadratics.nearest(quadratics.centroids, excluding=own)
    return max(1.0, float(distance.median()) / math.sqrt(quadratics.dim))


def _temperature(unit: Metric, metric_at: Callable[[float], Metric], settings: Settings, seed: int) -> float:
    """The temperature that the settings' rule gives."""
    if settings.temperature == "auto":
        widest = _widest_scale(unit.quadratics) / island_scale(1.0, settings.volume_exponent, unit.dim)
        return ess_temperature(metric_at, widest, min_ess=settings.min_ess, seed=seed)
    if settings.temperature == "nearest":
        if len(unit.centroids) < 2:
            msg = "temperature='nearest' needs at least two distinct centroids, got 1; pass a number."
            raise DataError(msg)
        return nearest_temperature(unit.centroids)
    return float(settings.temperature)


def _warn(metric: Metric, ess: float, settings: Settings) -> None:
    if settings.temperature == "nearest" or ess < LOW_ESS:
        msg = (
            f"temperature={settings.temperature!r} gives {metric.temperature:.3g}, at which the relative effective "
            f"sample size of the uniform law over its islands is {ess:.2g}: below about {LOW_ESS} the mass gathers in "
            "the most crowded spots, and chains may not get there in their steps (see R-hat in the summary). "
            "temperature='auto' keeps it at min_ess."
        )
        warn_user(msg, TemperatureWarning)
    share = floor_share(metric)
    if share > LARGE_FLOOR_SHARE:
        msg = (
            f"the floor (regularization={metric.regularization:.3g}, decay={metric.decay:.3g}) holds a share of "
            f"{share:.3g} of the mass, far from the data; leave both None for a floor of share "
            f"floor_share={settings.floor_share:.3g}."
        )
        warn_user(msg, FloorWarning)


def _own_scale(codes: StreamedPosteriors, centroids: Centroids, settings: Settings, seed: int) -> float | None:
    """The island scale that the settings' rule gives; None if there are too few codes to tell."""
    if settings.island_scale != "calibrated":
        return float(settings.island_scale)
    own = settings.centroids == "data" and settings.centroid_covariance == "posterior"
    every_code = own and settings.n_centroids is None and settings.covariance_structure == "diagonal"
    distinct = (centroids if every_code else merge_duplicates(codes.placed())).quadratics
    if distinct.n_centroids < 2:
        return None
    quadratics, log_masses = centroids.quadratics, _log_masses(centroids, settings)
    scale = calibrated_scale(
        distinct, lambda scale: IslandMixture(quadratics, scale=scale, log_masses=log_masses), seed=seed
    )
    # Where posteriors overlap, codes are nearer than noise that the decoder ignores: narrower islands than the
    # posteriors themselves would give nothing but reconstructions.
    return max(scale, 1.0) if own else scale


def _log_masses(centroids: Centroids, settings: Settings) -> Float[Tensor, " k"]:
    return centroids.sizes.log() - 0.5 * (1 - settings.volume_exponent) * centroids.quadratics.log_det


def _island_law(centroids: Centroids, scale: float, second_moment: float, settings: Settings) -> IslandLaw:
    unit, log_masses = _unit_metric(centroids, settings), _log_masses(centroids, settings)
    temperature = scale / island_scale(1.0, settings.volume_exponent, unit.dim)
    metric = _proper_metric(unit, temperature, second_moment, settings)
    return IslandLaw(metric, IslandMixture(unit.quadratics, scale=scale, log_masses=log_masses), log_masses)
