r"""From N posteriors to K centroids with covariances.

``"posterior"`` (arXiv:2209.07370, section 4.2): k-means on the latent means, each centre replaced by the nearest
real code, with that code's posterior covariance. ``"cluster"``: moment matching of each cluster by the law of total
variance, :math:`c_k = \bar\mu_k` and :math:`\Sigma_k = \overline{\Sigma} + \operatorname{Cov}(\mu)` over the cluster.
``"local"`` (after the manifold Parzen windows of Vincent & Bengio, NeurIPS 2002): real codes, each with its posterior
covariance plus the covariance of the codes around it, so that islands are wide along the data and narrow across.

Codes that (nearly) coincide are merged: two identical islands would hold :math:`2^{\alpha d/2}` times the mass of one
in the volume law at any temperature.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ..compute import row_chunks
from ..encoding import StreamedPosteriors
from ..protocols import GaussianPosterior
from .quadratic_forms import DiagonalQuadratics, FullQuadratics, Quadratics

__all__ = [
    "DUPLICATE_DISTANCE",
    "Centroids",
    "cluster_centroids",
    "local_centroids",
    "merge_duplicates",
    "posterior_centroids",
]

MINI_BATCH_ABOVE = 20_000
"""Number of codes above which k-means works on mini-batches."""

CODES_PER_CENTRE = 256
"""Beyond so many codes for each centre k-means takes a random subset of them, as faiss does."""

DUPLICATE_DISTANCE = 0.05
"""Codes closer than this are one code; root mean square over latent axes, in posterior standard deviations."""

CHUNK = 4096
"""Centroids whose neighbours are gathered at a time."""


class Centroids(NamedTuple):
    """Centroids with covariances.

    Attributes:
        means: Positions c_k, in latent units.
        covariances: Σ_k, (k, dim) when diagonal, else (k, dim, dim), in squared latent units.
        sizes: Number of codes that each stands for: its cluster, or the codes merged into it.
    """

    means: Float[Tensor, "k dim"]
    covariances: Tensor
    sizes: Float[Tensor, " k"]

    @property
    def precisions(self) -> Tensor:
        """Σ_k⁻¹, of the shape of the covariances."""
        if self.covariances.ndim == 2:
            return self.covariances.reciprocal()
        return torch.cholesky_inverse(torch.linalg.cholesky(self.covariances))

    @property
    def quadratics(self) -> Quadratics:
        """Quadratic forms around the centroids, with these precisions."""
        structure = DiagonalQuadratics if self.covariances.ndim == 2 else FullQuadratics
        return structure(self.means, self.precisions)


def _k_means(codes: StreamedPosteriors, n_clusters: int, seed: int) -> Float[Tensor, "centres dim"]:
    """Centres of k-means, float64; those of empty or coinciding clusters are dropped."""

    def make() -> tuple[Tensor]:
        few = codes.subset(max(MINI_BATCH_ABOVE, CODES_PER_CENTRE * n_clusters), seed)
        method = MiniBatchKMeans if len(few) > MINI_BATCH_ABOVE else KMeans
        means = few.placed().mean.cpu().double().numpy()
        n_distinct = len(np.unique(means, axis=0))
        model = method(min(n_clusters, n_distinct), n_init=1, random_state=seed % 2**32).fit(means)
        return (torch.from_numpy(model.cluster_centers_[np.unique(model.labels_)]),)

    return codes.communicator.from_first(make)[0]


def merge_duplicates(posterior: GaussianPosterior) -> Centroids:
    """Every code a centroid with its posterior variances, but those that (nearly) coincide with one kept before."""
    mean, variance = posterior.mean, posterior.log_variance.exp()
    leader = _leaders(mean.double(), variance.double().reciprocal())
    kept, counts = np.unique(leader, return_counts=True)
    rows = torch.from_numpy(kept).to(mean.device)
    return Centroids(mean[rows], variance[rows], torch.from_numpy(counts).to(mean))


def _leaders(mean: Float[Tensor, "n dim"], precision: Float[Tensor, "n dim"]) -> NDArray[np.int64]:
    """For each code, in the order given, the first kept code it duplicates; otherwise itself."""
    quadratics = DiagonalQuadratics(mean, precision)
    threshold = DUPLICATE_DISTANCE**2 * mean.shape[1]
    # The expanded squares single out candidates, with room for their rounding; the differences themselves decide.
    rounding = 1e-14 * precision.sum(1) * (mean - mean.mean(0)).square().sum(1).max()
    leader, start = np.arange(len(mean)), 0
    for chunk in row_chunks(mean, len(mean)):
        row, column = (quadratics(chunk) < threshold + rounding).nonzero().unbind(1)
        distance = ((chunk[row] - mean[column]).square() * precision[column]).sum(1)
        coincides = (distance < threshold) & (column < row + start)
        rows, columns = (row[coincides] + start).cpu().numpy(), column[coincides].cpu().numpy()
        start += len(chunk)
        for i, earlier in _group(rows, columns):
            kept = earlier[leader[earlier] == earlier]
            if len(kept):
                leader[i] = kept[0]
    return leader


def _group(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each row that occurs, with its columns; rows are sorted."""
    different, firsts = np.unique(rows, return_index=True)
    yield from zip(different.tolist(), np.split(columns, firsts[1:]), strict=True) if len(rows) else ()


def posterior_centroids(codes: StreamedPosteriors, n_centroids: int | None, seed: int) -> Centroids:
    """Real codes nearest to k-means centres, with their posterior covariances; None or K ≥ N keeps every code."""
    if n_centroids is None or n_centroids >= len(codes):
        return merge_duplicates(codes.placed())
    centres = _k_means(codes, n_centroids, seed)
    few = len(codes) <= MINI_BATCH_ABOVE
    nearest = _nearest_codes(codes, centres) if few else codes.nearest_codes(centres)
    return merge_duplicates(codes.rows(nearest.unique()).placed())


def _nearest_codes(codes: StreamedPosteriors, centres: Float[Tensor, "centres dim"]) -> Int[Tensor, " centres"]:
    """As `StreamedPosteriors.nearest_codes`, of few codes. Exact ties are broken by scikit-learn's rounding."""

    def make() -> tuple[Tensor]:
        means = codes.placed().mean.cpu().double().numpy()
        return (torch.from_numpy(pairwise_distances_argmin(centres.cpu().numpy(), means)),)

    return codes.communicator.from_first(make)[0]


def cluster_centroids(codes: StreamedPosteriors, n_centroids: int | None, seed: int, *, full: bool) -> Centroids:
    """Clusters of codes with their means and total covariances; None or K ≥ N keeps every code."""
    if n_centroids is None or n_centroids >= len(codes):
        every = merge_duplicates(codes.placed())
        return every._replace(covariances=torch.diag_embed(every.covariances)) if full else every
    centres = _k_means(codes, n_centroids, seed)
    sums = codes.cluster_sums(centres, full=full)
    occupied = sums.counts > 0
    sizes, shift, variances, squares = (part[occupied] for part in sums)
    shift, variances = shift / sizes[:, None], variances / sizes[:, None]
    if full:
        covariances = torch.diag_embed(variances) + squares / sizes[:, None, None] - shift[:, :, None] * shift[:, None]
    else:
        covariances = variances + squares / sizes[:, None] - shift.square()
    means = centres.to(shift.device)[occupied] + shift
    return Centroids(*map(codes.cast, (means, covariances, sizes)))


def local_centroids(
    codes: StreamedPosteriors, n_centroids: int | None, seed: int, *, n_neighbors: int, full: bool
) -> Centroids:
    """Real codes as `posterior_centroids` chooses them; each covariance is widened by that of the codes around it.

    These are the code itself and its ``n_neighbors`` nearest others by Euclidean distance, or all if there are fewer.
    """
    every = merge_duplicates(codes.placed())
    centroids = posterior_centroids(codes, n_centroids, seed)
    n_around = min(n_neighbors + 1, len(every.means))
    search = NearestNeighbors(n_neighbors=n_around).fit(every.means.double().cpu().numpy())
    index = torch.from_numpy(search.kneighbors(centroids.means.double().cpu().numpy(), return_distance=False))
    chunks = zip(centroids.covariances.split(CHUNK), index.to(every.means.device).split(CHUNK), strict=True)
    widened = [_widen(variances, every.means[rows], full=full) for variances, rows in chunks]
    return centroids._replace(covariances=torch.cat(widened))


def _widen(variances: Float[Tensor, "n dim"], around: Float[Tensor, "n neighbors dim"], *, full: bool) -> Tensor:
    """Covariances of codes plus the unbiased covariance of those around each; none of a single code."""
    deviations = around - around.mean(1, keepdim=True)
    degrees = max(1, around.shape[1] - 1)
    if not full:
        return variances + deviations.square().sum(1) / degrees
    return torch.diag_embed(variances) + deviations.mT @ deviations / degrees
