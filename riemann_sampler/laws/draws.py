"""Draws by blocks, each with a random generator of its own, so that they depend on nothing but the seed."""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import torch

from ..compute import derive_seed
from .law import Draws, Law

__all__ = [
    "arrange",
    "draw",
]

CHAINS_PER_BLOCK = 1024
"""Draws that share one random generator and run side by side."""


def draw(law: Law, n: int, stream: Sequence[int], progress: Callable[[int], object]) -> Draws:
    """Draws from a law, block by block; ``stream`` and the block's index seed each block."""
    blocks = []
    for block, first in enumerate(range(0, max(n, 1), CHAINS_PER_BLOCK)):
        size = min(CHAINS_PER_BLOCK, n - first)
        generator = torch.Generator(law.metric.centroids.device).manual_seed(derive_seed(*stream, block))
        blocks.append(law.draw(size, generator))
        progress(size)
    return _concatenate(blocks)


def arrange(
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


def _named(draws: Draws) -> list[tuple[str, torch.Tensor]]:
    return list(zip(Draws._fields, draws, strict=True))


def _concatenate(parts: Sequence[Draws]) -> Draws:
    columns = zip(*parts, strict=True)
    return Draws(
        *(torch.cat(column, -1 if name == "trace" else 0) for name, column in zip(Draws._fields, columns, strict=True))
    )
