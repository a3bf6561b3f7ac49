r"""The temperature: how wide islands may be before their overlap distorts the law.

Where m islands overlap, the volume law exceeds the island mixture by about :math:`m^{\alpha d/2}`, so that a slightly
too high temperature gathers all mass in the most crowded spot. The relative effective sample size of the importance
weights target/mixture over draws from the mixture sees this coming, and falls from 1 to 0 over a narrow range.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ..compute import progress_bar
from ..errors import DataError
from ..mcmc import IslandProposal
from ..metric import Metric

__all__ = ["ess_temperature", "nearest_temperature", "relative_ess"]

N_BATCHES, BATCH = 8, 1024
"""The relative ESS is the median over batches: the weights are heavy-tailed."""

TOLERANCE = 0.01
"""Relative precision to which the temperature is found."""


def relative_ess(metric: Metric, seed: int) -> float:
    """Relative effective sample size (Σw)² / (n Σw²) of target/mixture over draws from the mixture, in (0, 1]."""
    importance = IslandProposal(metric.with_buffers())
    generator = torch.Generator(metric.centroids.device).manual_seed(seed)
    z = importance.sample(N_BATCHES * BATCH, generator)
    log_weight = importance.log_weight(z).double().view(N_BATCHES, BATCH)
    first, second = log_weight.logsumexp(1), (2 * log_weight).logsumexp(1)
    return float((2 * first - second).exp().div(BATCH).median())


def ess_temperature(metric_at: Callable[[float], Metric], widest: float, *, min_ess: float, seed: int) -> float:
    """The largest temperature whose relative ESS is still ``min_ess``, by bisection.

    Args:
        metric_at: The metric (with its floor) for a temperature.
        widest: Temperature not to be exceeded. Beyond it the relative ESS may rise again, where all islands coincide.
        min_ess: Relative effective sample size to keep.
        seed: Seed of the draws, the same at every temperature.

    Returns:
        The temperature ρ, to one per cent.

    Raises:
        DataError: If no temperature reaches ``min_ess``.
    """
    with progress_bar(desc="temperature", unit="trial") as bar:

        def reaches(temperature: float) -> bool:
            bar.update()
            return relative_ess(metric_at(temperature), seed) >= min_ess

        low = high = widest
        while not reaches(low):
            low, high = low / 2, low
            if low < 1e-12 * widest:
                msg = f"No temperature keeps a relative ESS of min_ess={min_ess}; lower min_ess, or pass a temperature."
                raise DataError(msg)
        while high / low > 1 + TOLERANCE:
            middle = (low * high) ** 0.5
            low, high = (middle, high) if reaches(middle) else (low, middle)
    return low


def nearest_temperature(centroids: Float[Tensor, "k dim"]) -> float:
    """The paper's rule: the largest Euclidean distance of a centroid to its nearest other centroid."""
    points = centroids.cpu().numpy()
    distances, _ = NearestNeighbors(n_neighbors=2).fit(points).kneighbors(points)
    return float(distances[:, 1].max())
