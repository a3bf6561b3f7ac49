"""Draws by blocks, each with a random generator of its own, so that they depend on nothing but the seed."""

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
import torch

from .laws import Draws, Law

__all__ = ["allot", "derived_seed", "draw", "mixed"]

CHAINS_PER_BLOCK = 1024
"""Draws that share one random generator and run side by side."""


def draw(law: Law, n: int, stream: Sequence[int], progress: Callable[[int], object]) -> Draws:
    """Draws from a law, block by block; ``stream`` and the block's index seed each block."""
    blocks = []
    for block, first in enumerate(range(0, max(n, 1), CHAINS_PER_BLOCK)):
        size = min(CHAINS_PER_BLOCK, n - first)
        generator = torch.Generator(law.metric.centroids.device).manual_seed(derived_seed(*stream, block))
        blocks.append(law.draw(size, generator))
        progress(size)
    return _concatenated(blocks)


def allot(n: int, counts: Mapping[Hashable, int], entropy: int) -> dict[Hashable, int]:
    """Random numbers of draws for each class, in proportion to its count."""
    shares = np.array(list(counts.values())) / sum(counts.values())
    drawn = np.random.default_rng(derived_seed(entropy, len(shares))).multinomial(n, shares)
    return dict(zip(counts, drawn.tolist(), strict=True))


def mixed(parts: Sequence[Draws], entropy: int) -> tuple[Draws, list[int]]:
    """All draws in random order, without traces, and that order; a single part keeps its own."""
    draws = _concatenated([part._replace(trace=part.trace[:0]) for part in parts])
    order = np.arange(len(draws.z))
    if len(parts) > 1:
        order = np.random.default_rng(derived_seed(entropy)).permutation(order)
        index = torch.from_numpy(order).to(draws.z.device)
        draws = Draws(*(part.index_select(-1 if name == "trace" else 0, index) for name, part in _named(draws)))
    return draws, order.tolist()


def derived_seed(*words: int) -> int:
    """A seed of 63 bits that any generator takes, from whole numbers of any size."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1


def _named(draws: Draws) -> list[tuple[str, torch.Tensor]]:
    return list(zip(Draws._fields, draws, strict=True))


def _concatenated(parts: Sequence[Draws]) -> Draws:
    columns = zip(*parts, strict=True)
    return Draws(
        *(torch.cat(column, -1 if name == "trace" else 0) for name, column in zip(Draws._fields, columns, strict=True))
    )
