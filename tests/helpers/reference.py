"""Slow, obvious twins of the fast paths: dense matrices, loops, autograd, in float64.

Nothing here is taken from the package but the attributes that define a metric.
"""

import math
import statistics
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

SIXTY_DIGITS = Context(prec=60, Emax=MAX_EMAX, Emin=MIN_EMIN)


def dense(precisions: Tensor) -> Tensor:
    """Precisions as (k, dim, dim) float64 matrices."""
    precisions = precisions.double()
    return torch.diag_embed(precisions) if precisions.ndim == 2 else precisions


def squares(centroids: Tensor, precisions: Tensor, z: Tensor) -> Tensor:
    """(z_n − c_k)ᵀ P_k (z_n − c_k), (n, k)."""
    difference = z.double()[:, None] - centroids.double()
    return torch.einsum("nki,kij,nkj->nk", difference, dense(precisions), difference)


def weights(metric: Any, z: Tensor) -> Tensor:
    return (-squares(metric.centroids, metric.precisions, z) / metric.temperature**2).exp()


def tensor(metric: Any, z: Tensor) -> Tensor:
    """G(z) as it is written, arXiv:2209.07370, eq. (7)."""
    floor = metric.regularization * (-metric.decay * z.double().square().sum(1)).exp()
    islands = torch.einsum("nk,kij->nij", weights(metric, z), dense(metric.precisions))
    return islands + floor[:, None, None] * torch.eye(z.shape[1], dtype=torch.float64, device=z.device)


def log_volume(metric: Any, z: Tensor) -> Tensor:
    return 0.5 * torch.logdet(tensor(metric, z))


def grad_log_volume(metric: Any, z: Tensor) -> Tensor:
    z = z.detach().double().requires_grad_()
    return torch.autograd.grad(log_volume(metric, z).sum(), z)[0]


def overlap(metric: Any, z: Tensor) -> Tensor:
    share = weights(metric, z) / weights(metric, z).sum(1, keepdim=True)
    return 1 / share.square().sum(1)


def exact_log_volume(metric: Any, z: Tensor) -> float:
    """log √det G at one position in decimal arithmetic, whose exponents do not underflow."""
    with localcontext(SIXTY_DIGITS):
        return float(_exact_log_volume(metric, _decimals(z)))


def exact_gradient(metric: Any, z: Tensor) -> Tensor:
    """Central differences of the same, with a step that leaves 20 digits correct."""
    position, step, slopes = _decimals(z), Decimal("1e-20"), []
    with localcontext(SIXTY_DIGITS):
        for i in range(len(position)):
            ends = [[x + sign * step * (i == j) for j, x in enumerate(position)] for sign in (1, -1)]
            above, below = (_exact_log_volume(metric, end) for end in ends)
            slopes.append(float((above - below) / (2 * step)))
    return torch.tensor(slopes, dtype=torch.float64)


def _exact_log_volume(metric: Any, position: list[Decimal]) -> Decimal:
    dim = range(len(position))
    floor = Decimal(metric.regularization) * (-Decimal(metric.decay) * sum(x * x for x in position)).exp()
    G = [[floor if i == j else Decimal(0) for j in dim] for i in dim]
    for c, P in zip(_decimals(metric.centroids), _decimals(dense(metric.precisions)), strict=True):
        v = [x - y for x, y in zip(position, c, strict=True)]
        square = sum(v[i] * P[i][j] * v[j] for i in dim for j in dim)
        weight = (-square / Decimal(metric.temperature) ** 2).exp()
        G = [[G[i][j] + weight * P[i][j] for j in dim] for i in dim]
    return _determinant(G).ln() / 2


def _decimals(values: Tensor) -> Any:
    if values.ndim == 0:
        return Decimal(values.item())
    return [_decimals(value) for value in values]


def _determinant(matrix: list[list[Decimal]]) -> Decimal:
    """Expansion along the first row."""
    if len(matrix) == 1:
        return matrix[0][0]
    minors = [[row[:j] + row[j + 1 :] for row in matrix[1:]] for j in range(len(matrix))]
    signed = [(-1) ** j * matrix[0][j] * _determinant(minor) for j, minor in enumerate(minors)]
    return sum(signed, Decimal(0))


def island_log_masses(metric: Any) -> Tensor:
    """Log mass of each island in isolation, and of the floor, last: ∫ of the unnormalized Gaussians, in nats."""
    dim, exponent = metric.centroids.shape[1], metric.volume_exponent
    scale = metric.temperature / math.sqrt(exponent * dim)
    log_det_covariance = -torch.logdet(dense(metric.precisions))
    islands = 0.5 * dim * math.log(2 * math.pi * scale**2) + 0.5 * (1 - exponent) * log_det_covariance
    floor_variance = 1 / (exponent * metric.decay * dim)
    floor = 0.5 * exponent * dim * math.log(metric.regularization) + 0.5 * dim * math.log(2 * math.pi * floor_variance)
    return torch.cat([islands, islands.new_tensor([floor])])


def island_mixture(metric: Any) -> MixtureSameFamily:
    """The island mixture as torch's own distribution; the floor is its last component."""
    dim, exponent = metric.centroids.shape[1], metric.volume_exponent
    covariances = metric.temperature**2 / (exponent * dim) * torch.linalg.inv(dense(metric.precisions))
    floor = torch.eye(dim, dtype=torch.float64)[None] / (exponent * metric.decay * dim)
    means = torch.cat([metric.centroids.double(), torch.zeros(1, dim, dtype=torch.float64)])
    return MixtureSameFamily(
        Categorical(logits=island_log_masses(metric)), MultivariateNormal(means, torch.cat([covariances, floor]))
    )


def nearest_distances(
    centroids: Tensor, precisions: Tensor, z: Tensor, excluding: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Distance to the nearest centroid under its own precision, and its index, one pair after another."""
    best: list[tuple[float, int]] = []
    for n, position in enumerate(z.double()):
        pairs = []
        for k, (centroid, precision) in enumerate(zip(centroids.double(), dense(precisions), strict=True)):
            if excluding is None or k != int(excluding[n]):
                difference = position - centroid
                pairs.append((math.sqrt(difference @ precision @ difference), k))
        best.append(min(pairs))
    return torch.tensor([b[0] for b in best], dtype=torch.float64), torch.tensor([b[1] for b in best])


def relative_ess(log_weights: Tensor, n_batches: int) -> float:
    """(Σw)² / (n Σw²) of each batch of importance weights; the (lower) median of the batches."""
    shares = []
    for batch in log_weights.double().reshape(n_batches, -1):
        w = (batch - batch.max()).exp().tolist()
        shares.append(sum(w) ** 2 / (len(w) * sum(x * x for x in w)))
    return statistics.median_low(shares)


def local_covariances(means: Tensor, variances: Tensor, codes: Tensor, *, n_neighbors: int) -> Tensor:
    """diag(variances) plus the covariance of each mean and its nearest codes, one after the other."""
    covariances = []
    for mean, variance in zip(means, variances, strict=True):
        around = codes[(codes - mean).norm(dim=1).argsort()[: n_neighbors + 1]]
        covariances.append(torch.diag(variance) + torch.cov(around.T))
    return torch.stack(covariances)


def cluster_moments(mean: Tensor, variance: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and full covariance of the mixture of the posteriors in each cluster: E[z] and E[z zᵀ] − E[z] E[z]ᵀ."""
    means, covariances = [], []
    for k in range(int(label.max()) + 1):
        members = [i for i in range(len(label)) if label[i] == k]
        first = sum(mean[i] for i in members) / len(members)
        second = sum(torch.diag(variance[i]) + torch.outer(mean[i], mean[i]) for i in members) / len(members)
        means.append(first)
        covariances.append(second - torch.outer(first, first))
    return torch.stack(means), torch.stack(covariances)


def effective_sample_size(trace: np.ndarray) -> float:
    """Split ESS of (steps, chains) by the sums of Vehtari et al. 2021, section 3.2, as they are written."""
    half = len(trace) // 2
    chains = [*trace[:half].T, *trace[-half:].T]
    n, m = half, len(chains)
    within = sum(chain.var(ddof=1) for chain in chains) / m
    total = (n - 1) / n * within + np.var([chain.mean() for chain in chains], ddof=1)

    def correlation(lag: int) -> float:
        products = [((c[: n - lag] - c.mean()) * (c[lag:] - c.mean())).sum() / (n - 1) for c in chains]
        return 1 - (within - sum(products) / m) / total

    tau, smallest = -1.0, math.inf
    for lag in range(0, n - 1, 2):
        pair = (1.0 if lag == 0 else correlation(lag)) + correlation(lag + 1)
        if pair < 0:
            break
        smallest = min(smallest, pair)
        tau += 2 * smallest
    return n * m / max(tau, 1 / math.log10(n * m))
