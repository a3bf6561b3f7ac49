"""Draws by blocks, each with a random generator of its own, so that they depend on nothing but the seed."""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..compute import derive_seed
from .law import Draws, Law

__all__ = ["CHAINS_PER_BLOCK", "LatentSamples", "collect_samples", "draw"]

CHAINS_PER_BLOCK = 1024
"""Draws that share one random generator and run side by side."""


class LatentSamples(NamedTuple):
    """Latent samples and what is known of each; floats are in the dtype of the model's posteriors.

    Attributes:
        z: Positions, in latent units.
        log_density: Log density of the law, in nats; unnormalized for ``law="volume"``.
        acceptance: Mean acceptance of the sample's own HMC transitions; 1 for ``law="islands"``.
        global_acceptance: Likewise of its global moves; NaN where there are none.
        nearest_centroid: Index of the nearest centroid in the metric's list, by Mahalanobis distance.
        nearest_distance: That distance, in standard deviations of the centroid's covariance.
        labels: Label of each sample, or None after a fit without labels.
    """

    z: Float[Tensor, "n dim"]
    log_density: Float[Tensor, " n"]
    acceptance: Float[Tensor, " n"]
    global_acceptance: Float[Tensor, " n"]
    nearest_centroid: Int[Tensor, " n"]
    nearest_distance: Float[Tensor, " n"]
    labels: list[Hashable] | None


def draw(law: Law, n: int, stream: Sequence[int], progress: Callable[[int], object]) -> Draws:
    """Draws from a law, block by block; ``stream`` and the block's index seed each block."""
    blocks = []
    for block, first in enumerate(range(0, max(n, 1), CHAINS_PER_BLOCK)):
        size = min(CHAINS_PER_BLOCK, n - first)
        generator = torch.Generator(law.metric.centroids.device).manual_seed(derive_seed(*stream, block))
        blocks.append(law.draw(size, generator))
        progress(size)
    return _concatenate(blocks)


def collect_samples(
    drawn: Mapping[Hashable, Draws],
    labels: Sequence[Hashable] | None,
    entropy: int,
    device: torch.device,
    dtype: torch.dtype,
) -> LatentSamples:
    """The draws of all labels, in the order of these or at random, on a device and with floats of a type."""
    draws, found = _arrange(drawn, labels, entropy)
    return LatentSamples(
        z=draws.z.to(device, dtype),
        log_density=draws.log_density.to(device, dtype),
        acceptance=draws.acceptance.to(device, dtype),
        global_acceptance=draws.global_acceptance.to(device, dtype),
        nearest_centroid=draws.nearest_centroid.to(device),
        nearest_distance=draws.nearest_distance.to(device, dtype),
        labels=None if None in drawn else found,
    )


def _arrange(
    drawn: Mapping[Hashable, Draws], labels: Sequence[Hashable] | None, entropy: int
) -> tuple[Draws, list[Hashable]]:
    """The draws of all labels in the order of these, or at random, and the label of each; of several without traces."""
    sizes = [len(draws.z) for draws in drawn.values()]
    found = [label for label, size in zip(drawn, sizes, strict=True) for _ in range(size)]
    if len(drawn) == 1:
        return next(iter(drawn.values())), found
    if labels:
        ends = itertools.accumulate(sizes)
        rows = {label: iter(range(end - size, end)) for label, size, end in zip(drawn, sizes, ends, strict=True)}
        order = [next(rows[label]) for label in labels]
    else:
        order = np.random.default_rng(derive_seed(entropy)).permutation(len(found)).tolist()
    draws = _concatenate([part._replace(trace=part.trace[:0]) for part in drawn.values()])
    index = torch.tensor(order, dtype=torch.int64, device=draws.z.device)
    columns = (part.index_select(-1 if name == "trace" else 0, index) for name, part in _named(draws))
    return Draws(*columns), [found[row] for row in order]


def _named(draws: Draws) -> list[tuple[str, Tensor]]:
    return list(zip(Draws._fields, draws, strict=True))


def _concatenate(parts: Sequence[Draws]) -> Draws:
    columns = zip(*parts, strict=True)
    return Draws(
        *(torch.cat(column, -1 if name == "trace" else 0) for name, column in zip(Draws._fields, columns, strict=True))
    )
