"""Streaming over posteriors, a chunk of rows at a time: memory does not grow with their number."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..compute import THIS_PROCESS, Communicator, progress_bar, row_chunks
from ..protocols import GaussianPosterior

__all__ = ["ClusterSums", "StreamedPosteriors", "chunks", "in_double", "precise", "subset"]

CHUNK_ROWS = 2**15
"""Rows that are read and cast at a time."""

N_BLOCKS = 16
"""Blocks of consecutive rows: each is summed apart, and the sums are merged in order, whoever made them."""


def chunks(posterior: GaussianPosterior, first: int = 0, last: int | None = None) -> Iterator[GaussianPosterior]:
    """The rows from ``first`` to before ``last``, a few at a time."""
    end = len(posterior.mean) if last is None else last
    for start in range(first, end, CHUNK_ROWS):
        rows = slice(start, min(start + CHUNK_ROWS, end))
        yield GaussianPosterior(posterior.mean[rows], posterior.log_variance[rows])


def subset(posterior: GaussianPosterior, n: int, seed: int) -> GaussianPosterior:
    """So many random rows, in their order and without repetition; all of them if there are no more."""
    if n >= len(posterior.mean):
        return posterior
    order = torch.randperm(len(posterior.mean), generator=torch.Generator().manual_seed(seed))
    rows = order[:n].sort().values.to(posterior.mean.device)
    return GaussianPosterior(posterior.mean[rows], posterior.log_variance[rows])


def precise(device: torch.device) -> torch.device:
    """The device, or the CPU if it has no double precision, as Apple's mps."""
    return torch.device("cpu") if device.type == "mps" else device


def in_double(values: Tensor) -> Tensor:
    """The values in double precision, on the CPU where their device has none."""
    return values.to(precise(values.device)).double()


class ClusterSums(NamedTuple):
    """Sums over the codes of each cluster, float64; deviations are taken from a point near the cluster's mean.

    Attributes:
        counts: Number of codes.
        deviations: Σ deviation, in latent units.
        variances: Σ posterior variance, in squared latent units.
        squares: Σ deviation², (k, dim), or Σ deviation deviationᵀ, (k, dim, dim).
    """

    counts: Float[Tensor, " k"]
    deviations: Float[Tensor, "k dim"]
    variances: Float[Tensor, "k dim"]
    squares: Tensor


@dataclass(frozen=True)
class StreamedPosteriors:
    """Posteriors with the device, dtype and processes for streaming over them.

    Attributes:
        posterior: The posteriors, in memory or mapped; each process has all of them.
        device: Where the geometry is; None is where the posteriors are.
        dtype: Type of the geometry; None is that of the posteriors.
        communicator: The processes that share the work.

    Example:
        >>> centroids = posterior_centroids(StreamedPosteriors(posterior), 1000, seed=0)
    """

    posterior: GaussianPosterior
    device: torch.device | None = None
    dtype: torch.dtype | None = None
    communicator: Communicator = THIS_PROCESS

    def __len__(self) -> int:
        return len(self.posterior.mean)

    def of(self, posterior: GaussianPosterior) -> "StreamedPosteriors":
        """Other posteriors, streamed over in the same way."""
        return replace(self, posterior=posterior)

    def subset(self, n: int, seed: int) -> "StreamedPosteriors":
        """So many random ones, in their order and without repetition; all of them if there are no more."""
        return self.of(subset(self.posterior, n, seed))

    def rows(self, index: Int[Tensor, " rows"]) -> "StreamedPosteriors":
        """Some of them, by row."""
        index = index.to(self.posterior.mean.device)
        return self.of(GaussianPosterior(*(part[index] for part in self.posterior)))

    def placed(self) -> GaussianPosterior:
        """All of them on the device and in the type of the geometry."""
        return self._place(self.posterior)

    def cast(self, values: Tensor) -> Tensor:
        """What was found of the posteriors, on the device and in the type of the geometry."""
        like = self.posterior.mean
        return values.to(self.device or like.device, self.dtype or like.dtype)

    def second_moment(self) -> float:
        """Second moment of the aggregate posterior, in the mean over latent axes."""
        moment = 0.0
        for rows in chunks(self.posterior):
            mean, log_variance = self._place(rows)
            moment += len(mean) / len(self) * (mean.square().mean() + log_variance.exp().mean()).item()
        return moment

    def nearest_codes(self, centres: Float[Tensor, "k dim"]) -> Int[Tensor, " k"]:
        """For each centre the row of the nearest code."""
        centres = self._beside(centres)

        def make(first: int, last: int) -> tuple[Tensor, Tensor]:
            best = torch.full_like(centres[:, 0], torch.inf), torch.zeros_like(centres[:, 0], dtype=torch.long)
            for rows in chunks(self.posterior, first, last):
                for squares in _squares(in_double(self._place(rows).mean), centres):
                    square, row = squares.min(0)
                    best = _nearer(best, (square, row + first))
                    first += len(squares)
            return best

        return reduce(_nearer, self._blocks(make))[1]

    def cluster_sums(self, centres: Float[Tensor, "k dim"], *, full: bool) -> ClusterSums:
        """Sums over the codes that each centre is the nearest to; deviations are taken from the centre."""
        centres = self._beside(centres)
        dim = centres.shape[1]

        def make(first: int, last: int) -> tuple[Tensor, ...]:
            sums = ClusterSums(
                torch.zeros_like(centres[:, 0]),
                torch.zeros_like(centres),
                torch.zeros_like(centres),
                centres.new_zeros(len(centres), dim, dim) if full else torch.zeros_like(centres),
            )
            for rows in chunks(self.posterior, first, last):
                mean, log_variance = self._place(rows)
                _add(sums, in_double(mean), in_double(log_variance.exp()), centres)
            return sums

        return ClusterSums(*reduce(lambda total, sums: tuple(map(torch.add, total, sums)), self._blocks(make)))

    def _place(self, rows: GaussianPosterior) -> GaussianPosterior:
        return GaussianPosterior(*map(self.cast, rows))

    def _beside(self, centres: Tensor) -> Tensor:
        """The centres where double precision and, if that is possible, the geometry are."""
        return centres.to(precise(self.device or self.posterior.mean.device))

    def _blocks(self, make: Callable[[int, int], tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
        """What is made of the rows from the first to before the last of each block."""
        ends = [i * len(self) // N_BLOCKS for i in range(N_BLOCKS + 1)]
        made = self.communicator.in_order(N_BLOCKS, lambda i: make(ends[i], ends[i + 1]))
        yield from progress_bar(made, total=N_BLOCKS, desc="centroids", unit="block")


def _squares(codes: Float[Tensor, "n dim"], centres: Float[Tensor, "k dim"]) -> Iterator[Float[Tensor, "rows k"]]:
    """Squared distances of a few codes at a time to every centre, by a matrix product."""
    origin = centres.mean(0)  # the expanded square cancels less around it
    codes, centres = codes - origin, centres - origin
    features = torch.cat([codes, codes.square().sum(1, keepdim=True)], 1)
    expansion = torch.cat([-2 * centres, torch.ones_like(centres[:, :1])], 1).T
    constant = centres.square().sum(1)
    for rows in row_chunks(features, len(centres)):
        yield torch.addmm(constant, rows, expansion)


def _nearer(best: tuple[Tensor, ...], other: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """Square and row of the nearer code for each centre; the former where both are equally near."""
    closer = other[0] < best[0]
    return torch.where(closer, other[0], best[0]), torch.where(closer, other[1], best[1])


def _add(
    sums: ClusterSums, mean: Float[Tensor, "n dim"], variance: Float[Tensor, "n dim"], centres: Float[Tensor, "k dim"]
) -> None:
    """Add codes to the sums of their clusters."""
    label = torch.cat([squares.argmin(1) for squares in _squares(mean, centres)])
    deviation = mean - centres[label]
    sums.counts.index_add_(0, label, torch.ones_like(mean[:, 0]))
    sums.deviations.index_add_(0, label, deviation)
    sums.variances.index_add_(0, label, variance)
    if sums.squares.ndim == 2:
        sums.squares.index_add_(0, label, deviation.square())
        return
    present, sizes = label.unique(return_counts=True)
    by_cluster = deviation[label.argsort(stable=True)].split(sizes.tolist())
    for k, part in zip(present.tolist(), by_cluster, strict=True):
        sums.squares[k].addmm_(part.T, part)
