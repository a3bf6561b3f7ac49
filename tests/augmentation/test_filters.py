"""Filters of synthetic data: which samples they reject, and how they count."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from riemann_sampler import ArgumentError, FilterCounts, SampleFilter
from tests.helpers.builders import normal
from tests.helpers.filter_cases import LINE, Rule, by_sign


def test_without_conditions_all_are_kept() -> None:
    for real in (LINE, None):
        sample_filter = SampleFilter(real)
        assert sample_filter.keep(LINE).tolist() == [True] * 3
        assert sample_filter.counts == FilterCounts(3, 0, 0, 3)


@pytest.mark.parametrize("make", [lambda x: x, lambda x: x.numpy(), lambda x: x.double(), lambda x: x.bfloat16()])
def test_samples_nearer_than_the_distance_are_rejected(make: Callable[[Tensor], Any]) -> None:
    sample_filter = SampleFilter(make(LINE), min_distance=0.5)
    x = torch.tensor([[0.0], [0.25], [0.5], [0.75], [1.75], [-0.25], [9.0], [4.25]])
    kept = sample_filter.keep(make(x))
    assert kept.dtype == bool
    assert kept.tolist() == [False, False, True, False, True, False, True, False]
    assert sample_filter.counts == FilterCounts(8, 5, 0, 3)


def test_whole_numbers_are_data_too() -> None:
    sample_filter = SampleFilter(np.array([[0, 200]], dtype=np.uint8), min_distance=10.0)
    assert sample_filter.keep(np.array([[255, 200], [5, 205]], dtype=np.uint8)).tolist() == [True, False]
    assert SampleFilter(torch.tensor([[0, 200]]), min_distance=10.0).keep(np.array([[2, 201]])).tolist() == [False]


def test_data_of_any_shape_are_compared_flattened() -> None:
    real = normal(5, 2, 3, 4)
    shift = torch.zeros(2, 3, 4, dtype=torch.float64)
    shift[0, 1, 2], shift[1, 2, 3] = 3.0, 4.0
    assert SampleFilter(real, min_distance=5.001).keep(real + shift).tolist() == [False] * 5
    assert SampleFilter(real[:1], min_distance=4.999).keep(real[:1] + shift).tolist() == [True]


def test_authentic_samples_are_farther_than_their_neighbour_is_from_its_own() -> None:
    sample_filter = SampleFilter(LINE, min_distance="authentic")
    x = torch.tensor([[-0.5], [-1.0], [-1.5], [2.25], [3.0], [6.5], [7.0], [7.5]])
    assert sample_filter.keep(x).tolist() == [False, False, True, True, False, False, False, True]


def authentic_twin(real: Tensor, x: Tensor) -> list[bool]:
    """One sample after the other, by all distances."""
    found = []
    for sample in x:
        nearest = min(range(len(real)), key=lambda i: float((real[i] - sample).norm()))
        own = min(float((real[nearest] - real[i]).norm()) for i in range(len(real)) if i != nearest)
        found.append(float((real[nearest] - sample).norm()) > own)
    return found


@pytest.mark.parametrize("dim", [2, 40])  # scikit-learn searches them in different ways
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_authentic_as_its_slow_twin(dim: int, dtype: torch.dtype) -> None:
    real = normal(60, dim).to(dtype)
    real[50:] = real[:10]  # duplicates: nothing but their copies is too near to them
    x = torch.cat([normal(150, dim, seed=1).to(dtype), real[::7]])
    kept = SampleFilter(real, min_distance="authentic").keep(x).tolist()
    assert kept == authentic_twin(real.double(), x.double())
    assert 30 < sum(kept) < 140
    assert not any(kept[150:])


def test_copies_far_from_the_origin_are_found() -> None:
    """Where expanded squares would cancel."""
    real = 1e8 + normal(50, 40)
    assert not SampleFilter(real, min_distance=1e-6).keep(real).any()
    moved = real.clone()
    moved[:, 0] += 0.01
    assert SampleFilter(real, min_distance=9e-3).keep(moved).all()
    assert not SampleFilter(real, min_distance=1.1e-2).keep(moved).any()


def test_mixed_types_are_compared() -> None:
    real = normal(20, 40)
    assert not SampleFilter(real, min_distance=1e-3).keep(real.float()).any()
    assert not SampleFilter(real.float(), min_distance=1e-3).keep(real.numpy()).any()


@pytest.mark.parametrize("x", [torch.tensor([[-1.0], [2.0], [3.0]]), np.array([[-1.0], [2.0], [3.0]])])
def test_what_is_taken_for_another_class_is_rejected(x: Any) -> None:
    rule = Rule(by_sign)
    sample_filter = SampleFilter(None, classifier=rule)
    assert sample_filter.keep(x, ["minus", "minus", "plus"]).tolist() == [True, False, True]
    assert sample_filter.counts == FilterCounts(3, 0, 1, 2)
    assert rule.seen[0] is x


CLASSIFIERS: dict[str, Callable[[Tensor], Any]] = {
    "labels": lambda x: (x[:, 0] > 0).long(),
    "list": lambda x: (x[:, 0] > 0).long().tolist(),
    "array": lambda x: (x[:, 0] > 0).numpy(),
    "scores": lambda x: torch.cat([-x, x, -x.abs() - 1], 1),
    "array of scores": lambda x: torch.cat([-x, x, -x.abs() - 1], 1).numpy(),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("as_array", [False, True])
def test_functions_as_classifiers(name: str, *, as_array: bool) -> None:
    def classify(x: Any) -> Any:
        assert isinstance(x, Tensor)
        assert not torch.is_grad_enabled()
        return CLASSIFIERS[name](x)

    x, labels = torch.tensor([[-1.0], [2.0], [3.0]]), torch.tensor([0, 0, 1])
    kept = SampleFilter(None, classifier=classify).keep(x.numpy() if as_array else x, labels)
    assert kept.tolist() == [True, False, True]


def test_what_fails_twice_is_counted_as_too_near() -> None:
    sample_filter = SampleFilter(LINE, min_distance=0.5, classifier=Rule(by_sign))
    x = torch.tensor([[0.1], [0.1], [2.0], [2.0], [-7.0]])
    kept = sample_filter.keep(x, ["minus", "plus", "minus", "plus", "minus"])
    assert kept.tolist() == [False, False, False, True, True]
    assert sample_filter.counts == FilterCounts(n_drawn=5, n_too_near=2, n_misclassified=1, n_kept=2)


def test_counts_add_up_until_they_are_reset() -> None:
    sample_filter = SampleFilter(LINE, min_distance=0.5, classifier=Rule(by_sign))
    sample_filter.keep(torch.tensor([[0.0], [2.0], [2.0]]), ["plus", "plus", "minus"])
    sample_filter.keep(torch.tensor([[0.0], [2.0]]), ["plus", "plus"])
    assert sample_filter.counts == FilterCounts(5, 2, 1, 2)
    summary = "5 samples drawn: 2 too near a training point, 1 misclassified, 2 kept"
    assert sample_filter.counts.summary() == summary
    sample_filter.reset()
    assert sample_filter.counts == FilterCounts(0, 0, 0, 0)


def test_no_samples() -> None:
    sample_filter = SampleFilter(LINE, min_distance="authentic", classifier=Rule(by_sign))
    assert sample_filter.keep(LINE[:0], []).tolist() == []
    assert sample_filter.counts.n_drawn == 0


class Soft:
    """A classifier of a probability for each of three labels."""

    classes_ = np.array(["a", "b", "c"])

    def predict(self, x: np.ndarray) -> np.ndarray:
        return self.classes_[self.predict_proba(x).argmax(1)]

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return x


ROWS = np.array([[0.5, 0.5, 0.0], [0.8, 0.2, 0.0], [0.05, 0.9, 0.05], [0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])
OWN = ["b", "b", "a", "a", "z"]


@pytest.mark.parametrize(
    ("least_odds", "kept"),
    [
        (1.0, [False, False, False, False, False]),  # of equal ones the first is predicted
        (0.99, [True, False, False, False, False]),
        (0.25, [True, True, False, True, False]),
        (0.05, [True, True, True, True, False]),
    ],
)
def test_confident_disagreement(least_odds: float, kept: list[bool]) -> None:
    sample_filter = SampleFilter(ROWS, classifier=Soft(), least_odds=least_odds)
    assert sample_filter.keep(ROWS, OWN).tolist() == kept
    assert sample_filter.counts.n_misclassified == 5 - sum(kept)


def test_odds_of_each_label() -> None:
    sample_filter = SampleFilter(ROWS, classifier=Soft(), least_odds={"a": 0.05, "z": 0.5})
    assert sample_filter.keep(ROWS, OWN).tolist() == [True, False, True, True, False]  # "b" must be the likeliest


def test_odds_that_cannot_be_used() -> None:
    for odds in (0.0, 1.5, -1.0, float("nan")):
        with pytest.raises(ArgumentError, match=r"^least_odds must "):
            SampleFilter(ROWS, classifier=Soft(), least_odds=odds)
    with pytest.raises(ArgumentError, match=r"^least_odds=0\.1 needs a classifier with predict_proba, got <function"):
        SampleFilter(ROWS, classifier=lambda x: x, least_odds=0.1)
    with pytest.raises(ArgumentError, match=r"^least_odds must lie in \(0, 1\], got {'a': 2.0}"):
        SampleFilter(ROWS, classifier=Soft(), least_odds={"a": 2.0})
