"""Data of three classes, a sampler of them, and data sets for the tests of `SyntheticDataset`."""

from collections import Counter
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from riemann_sampler import RiemannianUniformSampler, SyntheticDataset
from tests.helpers.builders import data, fitted

CENTRES = {3: -30.0, 5: 0.0, 8: 40.0}
LABELS = torch.tensor([3] * 10 + [5] * 30 + [8] * 20)


def grouped() -> Tensor:
    """What `TwoHalves` encodes to codes of three classes far apart, 10, 30 and 20."""
    x = data(60)
    x[:, 0] += torch.tensor([CENTRES[label] for label in LABELS.tolist()])
    return x


@cache
def labelled() -> RiemannianUniformSampler:
    return fitted("calibrated", grouped(), LABELS)


def decodes(x: Tensor) -> Tensor:
    """What `TwoHalves` decodes the codes of data to."""
    return torch.cat([x[:, :2], x[:, :2].square()], 1)


def class_of(x: Tensor) -> int:
    """The class whose codes a decoded datum is among."""
    return min(CENTRES, key=lambda label: abs(CENTRES[label] - float(x[0])))


def with_labels(**arguments: Any) -> SyntheticDataset:
    return SyntheticDataset(labelled(), grouped(), LABELS, **arguments)


def items(dataset: SyntheticDataset) -> Tensor:
    return torch.stack([dataset[i] for i in range(len(dataset))])


class Pairs(Dataset[Any]):
    """A map-style data set of whatever it is made of; it counts what was read."""

    def __init__(self, entries: list[Any]) -> None:
        self.entries = entries
        self.n_read = 0

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: int) -> Any:
        self.n_read += 1
        return self.entries[index]


def synthetic_labels(dataset: SyntheticDataset) -> dict[int, int]:
    labels = [int(dataset[i][1]) for i in range(60, len(dataset))]
    assert labels == sorted(labels)  # those of a class together
    return dict(Counter(labels))
