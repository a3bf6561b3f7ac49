"""`SyntheticDataset`: real data, and synthetic ones after them, for any ``DataLoader``."""

import math
from collections.abc import Hashable, Mapping, Sequence
from operator import index as as_index
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import Dataset

from ..compute import derive_seed
from ..errors import ArgumentError
from ..sampler import RiemannianUniformSampler
from ..validation import natural, number
from .filters import FilterCounts, SampleFilter, fill
from .real_dataset import Item, RealData, decode_like, model_of

__all__ = ["SyntheticDataset"]


class SyntheticDataset(Dataset[Item]):
    """Real data, followed by synthetic ones: ``round(ratio * n_real)`` decoded samples, those of a class together.

    After a fit with labels items are pairs (x, label), otherwise x alone; x is a tensor. Samples are drawn when the
    data set is made and when `set_epoch` is called, and depend on ``seed`` and epoch alone, not on batches, their order
    or the number of workers. Workers share what was drawn before they started; those that live through a change of
    epoch (``persistent_workers``) each draw for themselves.

    Args:
        sampler: A fitted sampler with a model.
        data: The real data: a Tensor, an array, or a map-style Dataset of x or (x, label), in floating point.
        labels: Label of each, after a fit with labels; None takes those of the Dataset's items.
        ratio: Synthetic data for each real one; 0 or more.
        balanced: Whether synthetic data make the classes as equal in number as they can, real data included; then, and
            if there is a filter, all items of a Dataset are read once. Otherwise classes have the shares that they had
            when the sampler was fitted.
        cached: Whether decoded data are kept; otherwise only codes are, and decoded batch by batch when asked for.
            Decoded then in other batches, data may differ by rounding.
        min_distance: Synthetic data nearer than this to real ones are replaced, as for `SampleFilter`.
        classifier: Synthetic data that it takes for another class are replaced, as for `SampleFilter`.
        seed: Seed of all draws.

    Raises:
        ArgumentError: If an argument has no possible meaning, or labels and data do not match.
        ArgumentTypeError: If an argument is not of the type that it should be.
        DataError: If the data cannot be used, or the filter rejects too many samples.
        NotFittedError: If the sampler is not fitted.

    Example:
        >>> dataset = SyntheticDataset(sampler, train_images, train_labels, balanced=True, min_distance="authentic")
        >>> loader = DataLoader(dataset, batch_size=64, shuffle=True)
    """

    def __init__(
        self,
        sampler: RiemannianUniformSampler,
        data: Any,
        labels: Any = None,
        *,
        ratio: float = 1.0,
        balanced: bool = False,
        cached: bool = True,
        min_distance: float | Literal["authentic"] | None = None,
        classifier: Any = None,
        seed: int = 0,
    ) -> None:
        self._model = model_of(sampler)
        self._sampler = sampler
        fitted = sampler.diagnostics_
        by_label = fitted if isinstance(fitted, dict) else {None: fitted}
        self._real = RealData(data, labels, None if None in by_label else list(by_label))
        self.n_real = len(self._real)
        self.n_synthetic = round(_ratio(ratio) * self.n_real)
        if balanced:
            self._wanted = _level(self.n_synthetic, self._real.label_counts())
        else:
            self._wanted = _in_proportion(self.n_synthetic, {label: part.n_codes for label, part in by_label.items()})
        filtering = min_distance is not None or classifier is not None
        self._filter = SampleFilter(
            None if min_distance is None else self._real.stack(), min_distance=min_distance, classifier=classifier
        )
        self._cached = bool(cached)
        self._decoded_to_filter = filtering and not cached
        self._seed = natural("seed", seed, least=0)
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # workers see it change
        self._drawn = self._draw(0)

    def set_epoch(self, epoch: int) -> None:
        """Replace the synthetic data by those of another epoch.

        Args:
            epoch: Its number, from 0.

        Raises:
            ArgumentError: If it is negative.
            DataError: If the filter rejects too many samples.
        """
        self._epoch.fill_(natural("epoch", epoch, least=0))
        self._current()

    @property
    def filter_counts(self) -> FilterCounts:
        """What became of the samples drawn for this epoch."""
        return self._current().counts

    def is_synthetic(self, index: int) -> bool:
        """Whether an item is synthetic."""
        return self._row(index) >= self.n_real

    def __len__(self) -> int:
        return self.n_real + self.n_synthetic

    def __repr__(self) -> str:
        shape = tuple(self._real.like.shape)
        return f"SyntheticDataset({self.n_real:,} real and {self.n_synthetic:,} synthetic items of shape {shape})"

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """A batch of items, the synthetic ones of it decoded together."""
        rows = [self._row(index) for index in indices]
        synthetic = iter(self._synthetic([row - self.n_real for row in rows if row >= self.n_real]))
        return [next(synthetic) if row >= self.n_real else self._real[row] for row in rows]

    def _row(self, index: int) -> int:
        row = as_index(index)
        if not -len(self) <= row < len(self):
            msg = f"index {row} is out of range: there are {len(self)} items."
            raise IndexError(msg)
        return row % len(self)

    def _synthetic(self, rows: list[int]) -> list[Item]:
        if not rows:
            return []
        drawn = self._current()
        x = drawn.values[rows] if self._cached else self._decode(drawn.values[rows])
        return [self._real.item(x[i], drawn.labels[row]) for i, row in enumerate(rows)]

    def _current(self) -> "_Drawn":
        epoch = int(self._epoch)
        if self._drawn.epoch != epoch:
            self._drawn = self._draw(epoch)
        return self._drawn

    def _draw(self, epoch: int) -> "_Drawn":
        """The synthetic data of an epoch, or their codes."""
        if self.n_synthetic == 0:
            return _Drawn(epoch, torch.empty(0), [], FilterCounts())
        self._filter.reset()

        def draw(counts: dict[Hashable, int], attempt: int) -> tuple[Tensor, list[Hashable]]:
            z = self._sampler.sample_latents(label=counts, seed=derive_seed(self._seed, epoch, attempt)).z
            labels = [label for label, n in counts.items() for _ in range(n)]
            return self._in_batches(z) if self._cached else z, labels

        values, labels = fill(draw, self._wanted, self._filter, self._keep)
        return _Drawn(epoch, values, [self._real.like_real(label) for label in labels], self._filter.counts)

    def _keep(self, values: Tensor, labels: Sequence[Hashable]) -> Bool[np.ndarray, " n"]:
        parts, first = [], 0
        for rows in values.split(self._sampler.batch_size):
            x = self._decode(rows) if self._decoded_to_filter else rows
            parts.append(self._filter.keep(x, labels[first : first + len(rows)]))
            first += len(rows)
        return np.concatenate(parts)

    def _in_batches(self, z: Float[Tensor, "n dim"]) -> Tensor:
        return torch.cat([self._decode(rows) for rows in z.split(self._sampler.batch_size)])

    def _decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        return decode_like(self._model, z, self._real.like)


class _Drawn(NamedTuple):
    epoch: int
    values: Tensor
    labels: list[Any]
    counts: FilterCounts


def _ratio(value: Any) -> float:
    ratio = number("ratio", value)
    if not 0 <= ratio < math.inf:
        msg = f"ratio must be 0 or more, and finite, got {value!r}."
        raise ArgumentError(msg)
    return ratio


def _in_proportion(n: int, shares: Mapping[Hashable, int]) -> dict[Hashable, int]:
    """So many in all, in proportion to the shares; what whole numbers leave over goes to the largest remainders."""
    total = sum(shares.values())
    counts = {label: n * share // total for label, share in shares.items()}
    by_remainder = sorted(shares, key=lambda label: -(n * shares[label] % total))
    for label in by_remainder[: n - sum(counts.values())]:
        counts[label] += 1
    return counts


def _level(n: int, present: Mapping[Hashable, int]) -> dict[Hashable, int]:
    """So many in all, which added to those present make them as equal as whole numbers allow."""
    level, above = 0, n + max(present.values()) + 1  # the highest level that n fill everywhere lies between them
    while above - level > 1:
        middle = (level + above) // 2
        if sum(max(0, middle - count) for count in present.values()) <= n:
            level = middle
        else:
            above = middle
    added = {label: max(0, level - count) for label, count in present.items()}
    lowest = [label for label, count in present.items() if count <= level]
    for label in lowest[: n - sum(added.values())]:
        added[label] += 1
    return added
