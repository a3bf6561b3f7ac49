"""What no data set can be made of."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from riemann_sampler import ArgumentError, DataError, NotFittedError, RiemannianUniformSampler, SyntheticDataset
from riemann_sampler.errors import ArgumentTypeError
from tests.helpers.builders import TwoHalves, data, posterior, shared
from tests.helpers.synthetic_cases import LABELS, Pairs, grouped, labelled, with_labels


class Stream(IterableDataset[Tensor]):
    """Data in a row, without an index."""

    def __iter__(self) -> Iterator[Tensor]:
        return iter(data())

    def __len__(self) -> int:
        return 60


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "negative ratio": ({"ratio": -0.5}, ArgumentError, r"^ratio must be 0 or more, and finite, got -0\.5\.$"),
    "infinite ratio": ({"ratio": torch.inf}, ArgumentError, r"^ratio must be 0 or more"),
    "ratio of another type": ({"ratio": "1"}, ArgumentTypeError, r"^ratio must be a number, got '1' of type str\.$"),
    "true ratio": ({"ratio": True}, ArgumentTypeError, r"^ratio must be a number"),
    "seed": ({"seed": -1}, ArgumentError, r"^seed must be at least 0"),
    "balanced": ({"balanced": True}, ArgumentError, r"^balanced=True needs classes: fit the sampler with labels\.$"),
    "labels": ({"labels": [0] * 60}, ArgumentError, r"^labels need a sampler that was fitted with labels"),
    "distance": ({"min_distance": -1.0}, ArgumentError, r"^min_distance must be positive"),
    "stream": ({"data": Stream()}, ArgumentTypeError, r"^data must be a Tensor, .* Dataset, got Stream\.$"),
    "mapping": ({"data": {"data": data()}}, ArgumentTypeError, r"^data must be a Tensor, .* got dict\.$"),
    "iterator": ({"data": iter(data())}, ArgumentTypeError, r"^data must be a Tensor, .* got .*iterator\.$"),
    "no data": ({"data": data()[:0]}, DataError, r"^data is empty\.$"),
    "whole numbers": (
        {"data": data().long()},
        ArgumentTypeError,
        r"^data must be in floating point, .* got torch\.int64",
    ),
    "strings": ({"data": np.array(["a"])}, ArgumentTypeError, r"^data must be .* of numbers, but is of dtype <U1\.$"),
    "items": ({"data": Pairs(["a"])}, ArgumentTypeError, r"^item 0 of data must be .* of numbers, but is a str\.$"),
    "triples": ({"data": Pairs([(1, 2, 3)])}, ArgumentError, r"^items of data must be x .* item 0 is a tuple of 3\.$"),
    "mappings": ({"data": Pairs([{"x": 1}])}, ArgumentError, r"^items of data must be x .* item 0 is a dict of 1\.$"),
    "size": ({"data": data()[:, :3]}, DataError, r"^data have shape \(3,\), but the model decodes to \(1, 4\)\.$"),
    "not finite": (
        {"data": data() * torch.nan, "min_distance": 1.0},
        DataError,
        r"^training data must be finite, but 60 of 60",
    ),
}


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("name", BAD_ARGUMENTS)
def test_arguments_that_cannot_be_used(name: str) -> None:
    arguments, error, message = BAD_ARGUMENTS[name]
    with pytest.raises(error, match=message):
        SyntheticDataset(shared("calibrated"), **{"data": data(), **arguments})


BAD_LABELS: dict[str, tuple[Any, Any, str]] = {
    "too few": (grouped(), LABELS[:-1], r"^labels must hold one label for each of the 60 data points, got 59\.$"),
    "none": (grouped(), None, r"^labels must be given, or be part of the data's items"),
    "unseen": (
        grouped(),
        [*LABELS[:-1], 9],
        r"^label 9 of the data is unknown to the sampler: known are \[3, 5, 8\]\.$",
    ),
    "unseen in items": (
        Pairs([(x, 4) for x in grouped()]),
        None,
        r"^label 4 of the data is unknown to the sampler: known are \[3, 5, 8\]\.$",
    ),
    "matrix": (grouped(), torch.eye(60), r"^labels must be one for each .* but one of them has shape \(60,\)\.$"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_cannot_be_used(name: str) -> None:
    real, labels, message = BAD_LABELS[name]
    with pytest.raises(ArgumentError, match=message):
        SyntheticDataset(labelled(), real, labels, balanced=True)


def test_given_labels_are_looked_at_even_if_nothing_is_balanced() -> None:
    with pytest.raises(ArgumentError, match=r"^label 9 of the data is unknown"):
        SyntheticDataset(labelled(), grouped(), [*LABELS[:-1], 9])


def test_an_epoch_is_a_whole_number() -> None:
    with pytest.raises(ArgumentError, match=r"^epoch must be at least 0, got -1\.$"):
        with_labels(ratio=0.1).set_epoch(-1)


@pytest.mark.usefixtures("without_type_checks")
def test_samplers_that_cannot_be_used() -> None:
    with pytest.raises(NotFittedError, match=r"is not fitted; call fit"):
        SyntheticDataset(RiemannianUniformSampler(TwoHalves()), data())
    with pytest.raises(ArgumentError, match=r"^the sampler's model is None, so nothing can be encoded or decoded"):
        SyntheticDataset(RiemannianUniformSampler.from_preset("calibrated").fit(posterior(9)), data())
    with pytest.raises(ArgumentTypeError, match=r"^sampler must be a RiemannianUniformSampler, got TwoHalves\.$"):
        SyntheticDataset(TwoHalves(), data())
