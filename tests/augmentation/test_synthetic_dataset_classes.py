"""The classes of synthetic data: how many of each, and of what kind their labels are."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import SyntheticDataset
from tests.helpers.builders import data, fitted
from tests.helpers.synthetic_cases import LABELS, Pairs, class_of, grouped, labelled, synthetic_labels, with_labels


def test_items_are_pairs_after_a_fit_with_labels() -> None:
    dataset = with_labels()
    for i, (x, label) in enumerate(dataset):
        assert label.dtype == torch.int64
        assert label.ndim == 0
        assert class_of(x) == label
        if i < 60:
            assert torch.equal(x, grouped()[i])
            assert label == LABELS[i]


@pytest.mark.parametrize(
    ("ratio", "counts"),
    [
        (1.0, {3: 10, 5: 30, 8: 20}),
        (0.1, {3: 1, 5: 3, 8: 2}),
        (5 / 60, {3: 1, 5: 2, 8: 2}),  # of 0.83, 2.5 and 1.67
        (1 / 60, {5: 1}),
    ],
)
def test_classes_have_the_shares_of_the_fit(ratio: float, counts: dict[int, int]) -> None:
    assert synthetic_labels(with_labels(ratio=ratio)) == counts
    some = torch.arange(0, 60, 2)  # other data than those of the fit make no difference
    dataset = SyntheticDataset(labelled(), grouped()[some], LABELS[some], ratio=2 * ratio)
    assert Counter(int(label) for _, label in list(dataset)[30:]) == counts


@pytest.mark.parametrize(
    ("ratio", "totals"),
    [
        (0.0, {3: 10, 5: 30, 8: 20}),
        (0.1, {3: 16, 5: 30, 8: 20}),
        (0.25, {3: 23, 5: 30, 8: 22}),  # 22.5 each
        (0.5, {3: 30, 5: 30, 8: 30}),
        (1.0, {3: 40, 5: 40, 8: 40}),
        (62 / 60, {3: 41, 5: 41, 8: 40}),
    ],
)
def test_balanced_classes_are_as_equal_as_they_can_be(ratio: float, totals: dict[int, int]) -> None:
    dataset = with_labels(ratio=ratio, balanced=True)
    assert Counter(int(label) for _, label in dataset) == totals


def test_a_class_without_real_data_is_filled_up() -> None:
    dataset = SyntheticDataset(labelled(), grouped()[10:], LABELS[10:], ratio=0.8, balanced=True)
    assert Counter(int(label) for _, label in dataset) == {3: 30, 5: 30, 8: 30}


LABEL_KINDS: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "numpy": lambda label: np.int16(label),
    "tensor": lambda label: torch.tensor(label, dtype=torch.int32),
}


@pytest.mark.parametrize("kind", LABEL_KINDS)
@pytest.mark.parametrize("inside", [False, True])
def test_synthetic_labels_are_of_the_kind_of_real_ones(kind: str, *, inside: bool) -> None:
    labels = [LABEL_KINDS[kind](label) for label in LABELS.tolist()]
    real: Any = Pairs(list(zip(grouped(), labels, strict=True))) if inside else grouped()
    dataset = SyntheticDataset(labelled(), real, None if inside else labels, balanced=True)
    for _, label in dataset:
        assert type(label) is type(labels[0])
        assert getattr(label, "dtype", None) == getattr(labels[0], "dtype", None)
    assert synthetic_labels(dataset) == {3: 30, 5: 10, 8: 20}


@pytest.mark.parametrize("labels", [["three", "five"] * 30, np.array(["three", "five"] * 30), [(3,), (5, 5)] * 30])
def test_labels_need_not_be_numbers(labels: Any) -> None:
    found = fitted("calibrated", data(), labels)
    dataset = SyntheticDataset(found, data(), labels)
    assert Counter(label for _, label in dataset) == {labels[0]: 60, labels[1]: 60}
    assert {type(label) for _, label in dataset} == {type(labels[0])}


def test_labels_given_replace_those_of_the_items() -> None:
    real = Pairs([(x, "unknown") for x in grouped()])
    assert [int(label) for _, label in SyntheticDataset(labelled(), real, LABELS)][:60] == LABELS.tolist()
