"""Draws by blocks, each with a random generator of its own, so that they depend on nothing but the seed."""

import itertools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .errors import ArgumentError, ArgumentTypeError
from .laws import Draws, Law
from .validation import natural

__all__ = ["allot", "arranged", "derived_seed", "draw", "one_each", "plain"]

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
    """A label, or several, as Python values: no tensors, no arrays, no numbers of numpy's."""
    return label.tolist() if isinstance(label, Tensor | np.ndarray | np.generic) else label


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


def arranged(
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
        order = np.random.default_rng(derived_seed(entropy)).permutation(len(found)).tolist()
    draws = _concatenated([part._replace(trace=part.trace[:0]) for part in drawn.values()])
    index = torch.tensor(order, dtype=torch.int64, device=draws.z.device)
    columns = (part.index_select(-1 if name == "trace" else 0, index) for name, part in _named(draws))
    return Draws(*columns), [found[row] for row in order]


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
