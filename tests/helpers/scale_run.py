"""A fit of two million posteriors under a limit of memory, in a process of its own; it prints what it found."""

import json
import resource
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import FunctionAdapter

N, DIM, N_GROUPS = 2_000_000, 32, 500
BATCH = 10_000
ROOM = 400 * 2**20
"""Bytes of private memory beyond that of the libraries; the posteriors alone are 512 MB."""


class Stream(IterableDataset[Tensor]):
    """Batches that are made when they are due."""

    def __iter__(self) -> Iterator[Tensor]:
        for start in range(0, N, BATCH):
            yield batch(BATCH, seed=start)


def batch(n: int, seed: int) -> Tensor:
    """Means and log-variances of codes in groups that are the same for any seed."""
    generator = torch.Generator().manual_seed(0)
    middles = 3 * torch.randn(N_GROUPS, DIM, generator=generator)
    generator.manual_seed(1 + seed)
    mean = middles[torch.randint(N_GROUPS, (n,), generator=generator)]
    mean += 0.7 * torch.randn(n, DIM, generator=generator)
    return torch.cat([mean, -2 + 0.4 * torch.randn(n, DIM, generator=generator)], 1)


def limit_memory(room: int) -> None:
    """Bound the private memory of this process, which mapped files are no part of."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (used,) = (1024 * int(line.split()[1]) for line in lines if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (used + room, used + room))


def fitted(memory_budget: int, **arguments: object) -> RiemannianUniformSampler:
    model = FunctionAdapter(encode=lambda x: x.chunk(2, 1), decode=lambda z: z, latent_dim=DIM)
    sampler = RiemannianUniformSampler(model, n_centroids=N_GROUPS, memory_budget=memory_budget, **arguments)
    return sampler.fit(DataLoader(Stream(), batch_size=None))


def main() -> None:
    """Fit, and print sizes, centres and scatter of the clusters, and the centroids."""
    torch.set_num_threads(1)
    budget = 2**40 if "in memory" in sys.argv else 2**26
    limit_memory(ROOM)
    clusters = fitted(budget, centroid_covariance="cluster", law="islands", island_scale=1.0)
    law = clusters._fitted.laws[None]
    sizes, variances = law.log_masses.exp(), law.metric.precisions.reciprocal()
    noise = sum(part.exp().mean(0).sum() for part in clusters.posterior_.log_variance.split(N // 10)) / 10
    scatter = (sizes @ variances.sum(1)) / sizes.sum() - noise
    centroids = fitted(budget, law="islands", island_scale=1.0).metric_.centroids
    found = {"sizes": sizes, "clusters": clusters.metric_.centroids, "scatter": scatter, "centroids": centroids}
    sys.stdout.write(json.dumps({name: values.tolist() for name, values in found.items()}))


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
