"""Draws by blocks, each with a random generator of its own, so that they depend on nothing but the seed."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import ArgumentError, ArgumentTypeError
from .laws import Draws, Law
from .validation import natural

__all__ = ["allot", "derived_seed", "draw", "in_order", "one_each", "plain", "shuffled"]

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


def plain(label: Any) -> Any:
    """A request for labels without tensors and arrays: lists of Python values, or a single one."""
    return label.tolist() if isinstance(label, Tensor | np.ndarray) else label


def one_each(label: Any, n: int | None) -> list[Hashable] | None:
    """Labels of all samples, if a plain request tells numbers of each or one by one; None if it names a label.

    An `ArgumentError` if they are not as many as the samples that are asked for beside them, an `ArgumentTypeError` if
    they cannot be labels.
    """
    labels: list[Hashable] = []
    if isinstance(label, Mapping):
        for key, count in label.items():
            labels += [key] * natural(f"the number of samples of label {key!r}", count, least=0)
    elif isinstance(label, Hashable):
        return None
    else:
        labels = list(label)
    strange = [one for one in labels if not isinstance(one, Hashable)]
    if strange:
        msg = f"label must hold one label for each sample, but {strange[0]!r} is none: labels are hashable."
        raise ArgumentTypeError(msg)
    if n is not None and n != len(labels):
        msg = f"n_samples={n}, but label asks for {len(labels)}; leave n_samples out, or let them agree."
        raise ArgumentError(msg)
    return labels


def shuffled(n: int, entropy: int) -> list[int]:
    """Numbers from 0 in random order."""
    order: list[int] = np.random.default_rng(derived_seed(entropy)).permutation(n).tolist()
    return order


def in_order(parts: Sequence[Draws], order: Sequence[int]) -> Draws:
    """All draws in a given order, those of several parts without their traces."""
    if len(parts) == 1:
        return parts[0]
    draws = _concatenated([part._replace(trace=part.trace[:0]) for part in parts])
    index = torch.tensor(order, dtype=torch.int64, device=draws.z.device)
    return Draws(*(part.index_select(-1 if name == "trace" else 0, index) for name, part in _named(draws)))


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
