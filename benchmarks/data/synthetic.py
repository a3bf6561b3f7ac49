"""What is measured: codes and metrics made from seeds, so that no training is needed and any size can be had."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from riemann_sampler import DiagonalMetric, GaussianPosterior

__all__ = ["Case", "dtype_name", "make_case", "synthetic_posterior"]


def synthetic_posterior(n: int, dim: int, seed: int = 0) -> GaussianPosterior:
    """Codes in 40 anisotropic clusters with log-normal posterior variances, as those of a VAE of ten digits look."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(40, dim, generator=generator)
    widths = 0.45 * torch.rand(40, dim, generator=generator)
    cluster = torch.randint(40, (n,), generator=generator)
    mean = centres[cluster] + widths[cluster] * torch.randn(n, dim, generator=generator)
    return GaussianPosterior(mean, -3 + 0.5 * torch.randn(n, dim, generator=generator))


class Case(NamedTuple):
    """Positions near the centroids of a metric.

    Attributes:
        z: Positions, one for each chain.
        centroids: Centroids.
        precisions: Diagonals of their precisions.
        scalars: Temperature, regularization and decay.
    """

    z: Float[Tensor, "chains dim"]
    centroids: Float[Tensor, "k dim"]
    precisions: Float[Tensor, "k dim"]
    scalars: dict[str, float]

    def metric(self) -> DiagonalMetric:
        """The metric."""
        return DiagonalMetric(self.centroids, self.precisions, **self.scalars)

    def part(self, n_chains: int, n_centroids: int) -> "Case":
        """The first chains and centroids."""
        return Case(self.z[:n_chains], self.centroids[:n_centroids], self.precisions[:n_centroids], self.scalars)


def make_case(
    n_chains: int, n_centroids: int, dim: int, dtype: torch.dtype = torch.float64, device: str = "cpu"
) -> Case:
    """A case whose islands are equally wide in every dimension; chain i starts near centroid i mod K."""
    generator = torch.Generator().manual_seed(0)
    centroids = torch.randn(n_centroids, dim, dtype=dtype, generator=generator)
    precisions = 5 + 20 * torch.rand(n_centroids, dim, dtype=dtype, generator=generator)
    noise = torch.randn(n_chains, dim, dtype=dtype, generator=generator)
    z = centroids[torch.arange(n_chains) % n_centroids] + 0.2 * noise
    scalars = {"temperature": 2.5 * (dim / 16) ** 0.5, "regularization": 1e-3, "decay": 0.05}
    return Case(z.to(device), centroids.to(device), precisions.to(device), scalars)


def dtype_name(dtype: torch.dtype) -> str:
    """Its name without the package's."""
    return str(dtype).removeprefix("torch.")
