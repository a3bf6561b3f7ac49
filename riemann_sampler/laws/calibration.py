r"""Rules that set the two dials of the island law from the codes alone.

**Calibrated novelty** sets the island scale s: samples :math:`z = c_k + s \Sigma_k^{1/2} \varepsilon` are to lie as far
from their nearest code as each training code lies from its nearest *other* code, in the median; distance is
Mahalanobis under each code's own precision, because noise shaped like the posterior is what the decoder ignores.

**Held-out likelihood** sets the number of clusters: the one whose mixture, fitted on four fifths of the codes, gives
the others the highest mean log density.
"""

import math
from collections.abc import Callable

import torch
from scipy.optimize import brentq

from ..compute import progress_bar
from ..encoding import StreamedPosteriors
from ..metric import IslandMixture, Quadratics, cluster_centroids
from ..protocols import GaussianPosterior

__all__ = ["calibrated_scale", "heldout_n_clusters"]

N_QUERIES = 2_000
"""Samples, and training codes, whose nearest distances are compared; a median of so many is good to about 1 %."""

N_CLUSTERS_GRID = (2, 3, 5, 7, 10, 15, 25, 35, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1200, 1600)
"""Numbers of clusters that are tried, in this order."""


def calibrated_scale(codes: Quadratics, islands_at: Callable[[float], IslandMixture], *, seed: int) -> float:
    """The island scale at which samples are as novel as training codes are to one another.

    Args:
        codes: Distinct training codes, two at least, with their posterior precisions.
        islands_at: The island mixture for a scale.
        seed: Seed of the draws, the same at every scale.

    Returns:
        The scale s, in posterior standard deviations. In two dimensions, where samples in a crowd stay near some code
        at any scale, it depends on the draws by tens of per cent; from four dimensions on by a few.
    """
    k = codes.n_centroids
    device = codes.centroids.device
    generator = torch.Generator(device).manual_seed(seed)
    query = torch.randperm(k, generator=generator, device=device)[:N_QUERIES]
    wanted = codes.nearest(codes.centroids[query], excluding=query)[0].median().item()

    with progress_bar(desc="island scale", unit="trial") as bar:

        def excess(log_scale: float) -> float:
            bar.update()
            z = islands_at(math.exp(log_scale)).sample(N_QUERIES, generator.manual_seed(seed))
            return codes.nearest(z)[0].median().item() - wanted

        # If its own code were each sample's nearest, its distance would be about s√d: bracket the root from there.
        low = high = math.log(wanted / math.sqrt(codes.dim))
        while excess(low) > 0:
            low -= 0.5
        while excess(high) < 0:
            high += 0.5
        return math.exp(brentq(excess, low, high, xtol=2e-3))


def heldout_n_clusters(posterior: GaussianPosterior, *, full: bool, seed: int) -> int:
    """The number of clusters whose islands, at scale 1, give held-out codes the highest mean log density."""
    n = len(posterior.mean)
    if n == 1:
        return 1
    order = torch.randperm(n, generator=torch.Generator().manual_seed(seed)).to(posterior.mean.device)
    held_out, kept = order[: max(1, n // 5)], order[max(1, n // 5) :]
    train = GaussianPosterior(posterior.mean[kept], posterior.log_variance[kept])
    best, best_score, worse = 1, -math.inf, 0
    candidates = [k for k in (1, *N_CLUSTERS_GRID) if k == 1 or 2 * k <= len(kept)]
    for k in progress_bar(candidates, desc="number of clusters"):
        clusters = cluster_centroids(StreamedPosteriors(train), k, seed, full=full)
        islands = IslandMixture(clusters.quadratics, scale=1.0, log_masses=clusters.sizes.log())
        score = islands.log_density(posterior.mean[held_out]).mean().item()
        if score > best_score:
            best, best_score, worse = k, score, 0
        else:
            worse += 1
        if worse == 3:
            break
    return best
