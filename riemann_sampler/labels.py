"""Class labels: checked against the data, grouped by row, counted out to requests."""

from array import array
from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset, SequentialSampler

from .compute import derive_seed
from .errors import ArgumentError, ArgumentTypeError
from .validation import natural

__all__ = ["check_known", "check_labels", "count_request", "group_rows", "to_plain"]


def to_plain(label: Any) -> Any:
    """A label, or several, as Python values: no tensors, no arrays, no numbers of numpy's."""
    return label.tolist() if isinstance(label, Tensor | np.ndarray | np.generic) else label


def count_request(
    label: Any, n: int | None, counts: Mapping[Hashable, int], entropy: int
) -> tuple[dict[Hashable, int], list[Hashable] | None]:
    """How many samples each class gives, and the label of each sample where the request tells it.

    Args:
        label: The label of all samples, numbers of each label, or one label for each sample; None mixes them.
        n: How many samples; None where the request tells it.
        counts: Codes of each known label; those of None after a fit without labels.
        entropy: Seed of the numbers of a mixture.

    Returns:
        Numbers by label, and labels one by one or None.

    Raises:
        ArgumentError: If a label is unknown, or numbers do not agree.
        ArgumentTypeError: If something asked for cannot be a label, or ``n`` is no whole number.
    """
    label = to_plain(label)
    labels = _list_labels(label, n)
    if labels is not None:
        wanted = label if isinstance(label, Mapping) else Counter(labels)
        numbers = {check_known(key, counts): int(number) for key, number in wanted.items()}
        return numbers or dict.fromkeys(counts, 0), labels
    n = natural("n_samples", n, least=0)
    if label is None and None not in counts:
        return _allot(n, counts, entropy), None
    return {check_known(label, counts): n}, None


def check_known(label: Hashable | None, known: Collection[Hashable]) -> Hashable | None:
    """The label, if it is one of those known; an `ArgumentError` otherwise."""
    if label not in known:
        names = "fit had no labels" if None in known else f"known are {list(known)}"
        msg = f"label {label!r} is unknown: {names}."
        raise ArgumentError(msg)
    return label


def _allot(n: int, counts: Mapping[Hashable, int], entropy: int) -> dict[Hashable, int]:
    """Random numbers of draws for each class, in proportion to its count."""
    shares = np.array(list(counts.values())) / sum(counts.values())
    drawn = np.random.default_rng(derive_seed(entropy, len(shares))).multinomial(n, shares)
    return dict(zip(counts, drawn.tolist(), strict=True))


def _list_labels(label: Any, n: int | None) -> list[Hashable] | None:
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


def check_labels(labels: Any, data: Any, n: int) -> list[Hashable]:
    """One hashable label for each data point, as plain Python values.

    An `ArgumentError` if their number is not ``n``, or the data come in random order.
    """
    if isinstance(data, DataLoader) and not _in_order(data):
        msg = "labels cannot be matched to a DataLoader that shuffles; pass one with shuffle=False."
        raise ArgumentError(msg)
    plain = labels.tolist() if isinstance(labels, Tensor | np.ndarray) else list(labels)
    if None in plain:
        msg = f"labels must not be None, but label {plain.index(None)} is; give such data points a label of their own."
        raise ArgumentError(msg)
    if len(plain) != n:
        msg = f"labels must hold one label for each of the {n} data points, got {len(plain)}."
        raise ArgumentError(msg)
    return cast("list[Hashable]", plain)


def _in_order(loader: DataLoader[Any]) -> bool:
    """Whether a loader gives the data in the data set's own order."""
    if isinstance(loader.dataset, IterableDataset):
        return True
    if loader.batch_sampler is None:
        return isinstance(loader.sampler, SequentialSampler)
    return type(loader.batch_sampler) is BatchSampler and isinstance(loader.batch_sampler.sampler, SequentialSampler)


def group_rows(labels: list[Hashable] | None) -> Mapping[Hashable, Tensor | None]:
    """Rows of each label, labels in order of appearance; without labels all rows under None."""
    if labels is None:
        return {None: None}
    groups: dict[Hashable, array[int]] = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, array("q")).append(row)
    return {label: torch.frombuffer(rows, dtype=torch.int64) for label, rows in groups.items()}
