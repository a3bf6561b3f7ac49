"""The real data that synthetic ones are to be like: items of any map-style data set, and their labels."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import IterableDataset

from ..errors import ArgumentError, ArgumentTypeError, DataError
from ..labels import to_plain
from ..protocols import LatentModel
from ..sampler import RiemannianUniformSampler

__all__ = ["Item", "RealData", "decode_like", "model_of"]

Item: TypeAlias = Tensor | tuple[Tensor, Any]
"""A datum, or one with its label."""


class RealData:
    """Real items, x as tensors.

    Attributes:
        like: The first x.

    Args:
        data: A Tensor, an array, or a map-style Dataset of x or (x, label).
        labels: One for each item, or None to take those of the items.
        known: The labels that there may be; None is for data without labels, whose items are x alone.
    """

    like: Tensor

    def __init__(self, data: Any, labels: Any, known: Sequence[Hashable] | None) -> None:
        if (
            isinstance(data, IterableDataset | Mapping)
            or not hasattr(data, "__getitem__")
            or not hasattr(data, "__len__")
        ):
            msg = f"data must be a Tensor, an array or a map-style Dataset, got {type(data).__name__}."
            raise ArgumentTypeError(msg)
        if len(data) == 0:
            msg = "data is empty."
            raise DataError(msg)
        if labels is not None and known is None:
            msg = "labels need a sampler that was fitted with labels; this one draws data without."
            raise ArgumentError(msg)
        if labels is not None and len(labels) != len(data):
            msg = f"labels must hold one label for each of the {len(data)} data points, got {len(labels)}."
            raise ArgumentError(msg)
        self._known, self._labels = known, labels
        self._data = _tensor("data", data) if isinstance(data, np.ndarray) else data
        first = self[0]
        self.like = first[0] if isinstance(first, tuple) else first
        self._label: Any = first[1] if isinstance(first, tuple) else None
        if not self.like.is_floating_point():
            msg = f"data must be in floating point, as the model decodes them, got {self.like.dtype}."
            raise ArgumentTypeError(msg)
        if labels is not None:
            self.label_counts()

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, row: int) -> Item:
        x, labels = _parts(self._data[row], row)
        if self._known is None:
            return x
        if self._labels is None and not labels:
            msg = "labels must be given, or be part of the data's items: the sampler was fitted with labels."
            raise ArgumentError(msg)
        return x, labels[0] if self._labels is None else self._labels[row]

    def stack(self) -> Tensor:
        """All x."""
        if isinstance(self._data, Tensor):
            return self._data
        return torch.stack([_parts(self._data[row], row)[0] for row in range(len(self))])

    def label_counts(self) -> dict[Hashable, int]:
        """How many items have each of the known labels; an `ArgumentError` if there are others."""
        if self._known is None:
            msg = "balanced=True needs classes: fit the sampler with labels."
            raise ArgumentError(msg)
        labels = self._labels if self._labels is not None else [self[row][1] for row in range(len(self))]
        counts = Counter(_plain(label) for label in labels)
        for label in counts:
            if label not in self._known:
                msg = f"label {label!r} of the data is unknown to the sampler: known are {list(self._known)}."
                raise ArgumentError(msg)
        return {label: counts[label] for label in self._known}

    def item(self, x: Tensor, label: Any) -> Item:
        """A synthetic item that is like the real ones."""
        return x if self._known is None else (x, label)

    def like_real(self, label: Hashable) -> Any:
        """One of the known labels, of the kind that real items have."""
        if isinstance(self._label, Tensor):
            return torch.tensor(label, dtype=self._label.dtype, device=self._label.device)
        if isinstance(self._label, int | float | str | np.generic):
            kind: Any = type(self._label)
            return kind(label)
        return label


def model_of(sampler: Any) -> LatentModel:
    """The model of a sampler; an error if that is none, or has none."""
    if not isinstance(sampler, RiemannianUniformSampler):
        msg = f"sampler must be a RiemannianUniformSampler, got {type(sampler).__name__}."
        raise ArgumentTypeError(msg)
    if sampler.model is None:
        msg = "the sampler's model is None, so nothing can be encoded or decoded; make the sampler with a model."
        raise ArgumentError(msg)
    model: LatentModel = sampler.model
    return model


def decode_like(model: LatentModel, z: Float[Tensor, "n dim"], like: Tensor) -> Tensor:
    """Decoded data in the shape, type and device of a real datum; a `DataError` if they have another size."""
    x = model.decode(z).detach()
    if x[0].numel() != like.numel():
        msg = f"data have shape {tuple(like.shape)}, but the model decodes to {tuple(x.shape[1:])}."
        raise DataError(msg)
    return x.reshape(len(z), *like.shape).to(like)


def _parts(entry: Any, row: int) -> tuple[Tensor, tuple[Any, ...]]:
    """The x of an item as a tensor, and its label if it has one."""
    parts = tuple(entry) if isinstance(entry, tuple | list) else (entry,)
    if isinstance(entry, Mapping) or len(parts) not in (1, 2):
        msg = f"items of data must be x or (x, label), but item {row} is a {type(entry).__name__} of {len(entry)}."
        raise ArgumentError(msg)
    x = parts[0] if isinstance(parts[0], Tensor) else _tensor(f"item {row} of data", parts[0])
    return x, parts[1:]


def _tensor(name: str, array: Any) -> Tensor:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        kind = f"of dtype {array.dtype}" if isinstance(array, np.ndarray) else f"a {type(array).__name__}"
        msg = f"{name} must be a tensor or an array of numbers, but is {kind}."
        raise ArgumentTypeError(msg)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _plain(label: Any) -> Hashable:
    """A label as the sampler knows it: Python's own value."""
    if getattr(label, "ndim", 0):
        msg = f"labels must be one for each data point, but one of them has shape {tuple(label.shape)}."
        raise ArgumentError(msg)
    found: Hashable = to_plain(label)
    return found
