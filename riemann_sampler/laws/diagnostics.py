"""What a fit and a set of draws say of themselves."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy
from scipy.stats import binom

from ..mcmc import effective_sample_size, split_r_hat
from ..metric import floor_share, island_scale
from .law import Draws, Law, VolumeLaw

__all__ = ["Diagnostics", "describe"]


@dataclass(frozen=True)
class Diagnostics:
    """What a fitted law, and the last draws from it, say of themselves; NaN is "does not apply" or "not yet drawn".

    Attributes:
        n_codes: Training codes.
        n_centroids: Centroids, after merging duplicates.
        temperature: ρ.
        island_scale: Width s of an isolated island, in standard deviations of its centroid.
        relative_ess: Relative effective sample size of the volume law over its island mixture, in (0, 1].
        floor_share: Share of the mass that the metric's floor holds.
        step_size: Leapfrog step size, in island standard deviations.
        n_steps: Steps of each chain; 0 where draws are independent and exact.
        n_samples: Draws described below.
        acceptance: Mean acceptance of HMC transitions.
        global_acceptance: Mean acceptance of global moves.
        n_divergent: Divergent trajectories.
        log_volume_r_hat: Split R-hat of the log density over the last half of the steps.
        log_volume_ess: Effective sample size of the same, of all steps of all chains.
        mean_overlap: Mean effective number of centroids whose weights reach a draw.
        centroids_reached: Share of centroids that are some draw's nearest.
        centroid_perplexity: Perplexity of the nearest centroids' frequencies, as a share of what is expected of as many
            draws that use all centroids equally.
        nearest_distance: Quantiles .05, .5, .95 of the Mahalanobis distance to the nearest centroid.
        near_copies: Share of draws that are near copies of training codes; found for `summary`.
        near_copies_of_codes: Share of training codes that are near copies of others.
    """

    n_codes: int
    n_centroids: int
    temperature: float
    island_scale: float
    relative_ess: float
    floor_share: float
    step_size: float = math.nan
    n_steps: int = 0
    n_samples: int = 0
    acceptance: float = math.nan
    global_acceptance: float = math.nan
    n_divergent: int = 0
    log_volume_r_hat: float = math.nan
    log_volume_ess: float = math.nan
    mean_overlap: float = math.nan
    centroids_reached: float = math.nan
    centroid_perplexity: float = math.nan
    nearest_distance: tuple[float, float, float] = (math.nan,) * 3
    near_copies: float = math.nan
    near_copies_of_codes: float = math.nan


def _relative_perplexity(counts: NDArray[np.int64]) -> float:
    """Perplexity of frequencies, over the one that goes with the mean entropy of equally likely categories."""
    n, k = counts.sum(), len(counts)
    possible = np.arange(n + 1)
    expected = k * (binom.pmf(possible, n, 1 / k) * xlogy(possible, possible)).sum()
    return math.exp((expected - xlogy(counts, counts).sum()) / n)


def describe(law: Law, n_codes: int, draws: Draws | None = None) -> Diagnostics:
    """Diagnostics of a law and of draws from it."""
    metric = law.metric
    fitted = Diagnostics(
        n_codes=n_codes,
        n_centroids=metric.quadratics.n_centroids,
        temperature=metric.temperature,
        island_scale=island_scale(metric.temperature, metric.volume_exponent, metric.dim),
        relative_ess=law.relative_ess if isinstance(law, VolumeLaw) else math.nan,
        floor_share=floor_share(metric) if isinstance(law, VolumeLaw) else 0.0,
        step_size=law.kernel.step_size if isinstance(law, VolumeLaw) else math.nan,
        n_steps=law.n_steps if isinstance(law, VolumeLaw) else 0,
    )
    if draws is None or len(draws.z) == 0:
        return fitted
    n = len(draws.z)
    trace = draws.trace.double().cpu().numpy()
    counts = np.bincount(draws.nearest_centroid.cpu().numpy(), minlength=fitted.n_centroids)
    quantiles = np.quantile(draws.nearest_distance.double().cpu().numpy(), (0.05, 0.5, 0.95))
    return replace(
        fitted,
        n_samples=n,
        acceptance=float(draws.acceptance.mean()) if isinstance(law, VolumeLaw) else math.nan,
        global_acceptance=float(draws.global_acceptance.mean()),
        n_divergent=int(draws.n_divergent.sum()),
        log_volume_r_hat=split_r_hat(trace),
        log_volume_ess=effective_sample_size(trace),
        mean_overlap=float(draws.overlap.mean()),
        centroids_reached=float((counts > 0).mean()),
        centroid_perplexity=_relative_perplexity(counts),
        nearest_distance=(float(quantiles[0]), float(quantiles[1]), float(quantiles[2])),
    )
