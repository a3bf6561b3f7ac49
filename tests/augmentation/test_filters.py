"""Filters of synthetic data: which samples they reject, how they count, and how what was rejected is drawn again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from riemann_sampler import ArgumentError, DataError, FilterCounts, SampleFilter
from riemann_sampler.augmentation.filters import ENOUGH_DRAWN, MOST_TRIES, fill
from riemann_sampler.errors import ArgumentTypeError
from tests.helpers.builders import normal

LINE = torch.tensor([[0.0], [1.0], [4.0]])
"""Training points whose own nearest distances are 1, 1 and 3."""


class Rule:
    """A classifier as scikit-learn has them; it keeps what it was called with."""

    def __init__(self, rule: Callable[[Any], Any]) -> None:
        self.rule = rule
        self.seen: list[Any] = []

    def predict(self, x: Any) -> Any:
        self.seen.append(x)
        return self.rule(x)


def by_sign(x: Any) -> np.ndarray:
    return np.where(np.asarray(x)[:, 0] < 0, "minus", "plus")


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


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("real", "min_distance", "error", "message"),
    [
        (LINE, 0.0, ArgumentError, r"^min_distance must be positive and finite, got 0\.0\.$"),
        (LINE, -1, ArgumentError, r"^min_distance must be positive"),
        (LINE, True, ArgumentTypeError, r"^min_distance must be a number"),
        (LINE, "novel", ArgumentError, r"^min_distance must be a positive number, 'authentic' or None, got 'novel'\.$"),
        (
            LINE[:1],
            "authentic",
            DataError,
            r"^min_distance='authentic' needs at least 2 training points, got shape \(1,",
        ),
        (LINE[:0], 0.1, DataError, r"^min_distance=0\.1 needs at least 1 training points, got shape \(0, 1\)"),
        (torch.tensor(1.0), 0.1, DataError, r"got shape \(\)"),
        (
            torch.tensor([[0.0], [torch.nan], [torch.inf]]),
            0.1,
            DataError,
            r"^training data must be finite, but 2 of 3 are not, the first is 1\.$",
        ),
    ],
)
def test_training_data_and_distances_that_cannot_be_used(
    real: Tensor, min_distance: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SampleFilter(real, min_distance=min_distance)


def test_samples_that_cannot_be_compared() -> None:
    sample_filter = SampleFilter(normal(5, 2, 3), min_distance=0.1)
    with pytest.raises(DataError, match=r"^samples have shape \(4,\), the training data \(2, 3\): they cannot"):
        sample_filter.keep(normal(5, 4))
    with pytest.raises(DataError, match=r"^samples must be finite, but 1 of 3 are not, the first is 2\.$"):
        sample_filter.keep(normal(3, 2, 3).index_fill(0, torch.tensor([2]), torch.nan))
    assert sample_filter.counts.n_drawn == 0


@pytest.mark.parametrize(
    ("classifier", "labels", "error", "message"),
    [
        (Rule(by_sign), None, ArgumentError, r"^classifier needs the label of each of the 3 samples, got none\.$"),
        (Rule(by_sign), ["plus"], ArgumentError, r"^classifier needs the label of each of the 3 samples, got 1\.$"),
        (
            lambda x: x[:2, 0],
            [0, 0, 0],
            DataError,
            r"must return labels \(3,\) or scores \(3, classes\), got shape \(2,",
        ),
        (lambda x: x.sum(), [0, 0, 0], DataError, r"got shape \(\)\.$"),
        (lambda x: x[:, :, None], [0, 0, 0], DataError, r"got shape \(3, 1, 1\)\.$"),
        (lambda x: x[:, :0], [0, 0, 0], DataError, r"got shape \(3, 0\)\.$"),
        (
            lambda x: x,
            [0, "a", 0],
            ArgumentError,
            r"returns scores of 1 classes, but label 'a' is not the number of one",
        ),
        (lambda x: x, [0, 1, 0], ArgumentError, r"label 1 is not the number"),
        (lambda x: x, [0, -1, 0], ArgumentError, r"label -1 is not the number"),
        (lambda x: x * torch.nan, [0, 0, 0], DataError, r"^classifier returned scores that are NaN\.$"),
        (nn.Dropout(), [0, 0, 0], ArgumentError, r"^classifier is in training mode.* call classifier\.eval\(\) first"),
    ],
)
def test_classifiers_that_cannot_be_used(classifier: Any, labels: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        SampleFilter(None, classifier=classifier).keep(LINE, labels)


def test_a_module_in_evaluation_mode_classifies() -> None:
    assert SampleFilter(None, classifier=nn.Dropout().eval()).keep(LINE, [0, 0, 0]).all()


def test_what_is_no_classifier() -> None:
    with pytest.raises(
        ArgumentError, match=r"^classifier must have a method predict, be a function or None, got 'svm'"
    ):
        SampleFilter(LINE, classifier="svm")


class Draws:
    """Draws of two labels; the first of each label are too near in the first tries, as many as ``n_bad``."""

    def __init__(self, *, as_array: bool = False, n_bad: int = 0) -> None:
        self.as_array, self.n_bad = as_array, n_bad
        self.asked: list[tuple[dict[Any, int], int]] = []

    def __call__(self, counts: dict[Any, int], attempt: int) -> tuple[Any, list[Any]]:
        self.asked.append((dict(counts), attempt))
        labels = [label for label, n in reversed(counts.items()) for _ in range(n)]
        values = []
        for label, n in reversed(counts.items()):
            n_bad = min(n, max(0, self.n_bad - attempt))
            values += [0.0] * n_bad + [10.0 * ord(label) + attempt + i / 64 for i in range(n - n_bad)]
        x = torch.tensor(values)[:, None]
        return (x.numpy() if self.as_array else x), labels


@pytest.mark.parametrize("as_array", [False, True])
def test_what_was_rejected_is_drawn_again(*, as_array: bool) -> None:
    draw, sample_filter = Draws(as_array=as_array, n_bad=2), SampleFilter(LINE, min_distance=0.5)
    x, labels = fill(draw, {"b": 3, "a": 1, "c": 0}, sample_filter)
    assert draw.asked == [({"b": 3, "a": 1}, 0), ({"b": 2, "a": 1}, 1), ({"b": 1, "a": 1}, 2)]
    assert sample_filter.counts == FilterCounts(9, 5, 0, 4)
    assert labels == ["b", "b", "b", "a"]
    assert isinstance(x, np.ndarray if as_array else Tensor)
    assert x[:, 0].tolist() == [980.0, 981.0, 982.0, 972.0]  # in the order of the wanted labels, then of the draws


def test_enough_at_once() -> None:
    draw, sample_filter = Draws(), SampleFilter(None)
    x, labels = fill(draw, {"a": 2, "b": 3}, sample_filter)
    assert draw.asked == [({"a": 2, "b": 3}, 0)]
    assert labels == ["a", "a", "b", "b", "b"]
    assert x[:, 0].tolist() == [970.0, 970 + 1 / 64, 980.0, 980 + 1 / 64, 980 + 2 / 64]
    assert sample_filter.counts == FilterCounts(5, 0, 0, 5)


def test_codes_may_be_filtered_by_what_they_decode_to() -> None:
    draw, sample_filter, seen = Draws(), SampleFilter(LINE, min_distance=0.5), []

    def keep(z: Tensor, labels: Any) -> Any:
        seen.append(labels)
        return sample_filter.keep(z - 980.0, labels)

    assert fill(draw, {"a": 1, "b": 1}, sample_filter, keep)[0][:, 0].tolist() == [970.0, 982.0]
    assert seen == [["b", "a"], ["b"], ["b"]]


def test_samples_that_are_rejected_again_and_again() -> None:
    draw, sample_filter = Draws(n_bad=MOST_TRIES + 1), SampleFilter(LINE, min_distance=0.5)
    message = (
        r"^too many samples were rejected: 2 of 3 of label 'b', 1 of 1 of label 'a' are missing after 301 samples "
        r"drawn: 300 too near a training point, 0 misclassified, 1 kept\. Take a lower min_distance, another "
        r"classifier, or a sampler with a wider island_scale\.$"
    )

    def draw_one_good(counts: dict[Any, int], attempt: int) -> tuple[Any, list[Any]]:
        x, labels = draw(counts, attempt)
        return (x + 980.0 * torch.arange(4)[:, None].eq(0), labels[::-1]) if attempt == 0 else (x, labels)

    with pytest.raises(DataError, match=message):
        fill(draw_one_good, {"b": 3, "a": 1}, sample_filter)
    assert len(draw.asked) == MOST_TRIES


def test_the_last_try_may_succeed() -> None:
    draw = Draws(n_bad=MOST_TRIES - 1)
    x, _ = fill(draw, {"a": 1}, SampleFilter(LINE, min_distance=0.5))
    assert len(draw.asked) == MOST_TRIES
    assert len(x) == 1


def test_giving_up_early() -> None:
    """One hopeless label, among many drawn, is enough."""
    hopeless = SampleFilter(None, classifier=lambda x: [{980: "b"}.get(int(value), "b") for value in x[:, 0]])
    draw = Draws()
    with pytest.raises(DataError, match=r"1000 of 1000 of label 'a' are missing after 1001 samples"):
        fill(draw, {"a": ENOUGH_DRAWN, "b": 1}, hopeless)
    assert len(draw.asked) == 1
    draw = Draws()
    with pytest.raises(DataError, match=r"999 of 999 are missing|999 of 999 of label 'a'"):
        fill(draw, {"a": ENOUGH_DRAWN - 1}, hopeless)
    assert len(draw.asked) == 2


@pytest.mark.parametrize(("n_kept", "n_tries"), [(9, 1), (10, 100)])
def test_one_in_a_hundred_is_not_hopeless(n_kept: int, n_tries: int) -> None:
    tries = []

    def draw(counts: dict[Any, int], attempt: int) -> tuple[Any, list[Any]]:
        tries.append(attempt)
        n = counts[None]
        return torch.arange(n) < n * n_kept / 1000, [None] * n

    with pytest.raises(DataError, match=r"^too many samples were rejected: \d+ of 1000 are missing after"):
        fill(draw, {None: ENOUGH_DRAWN}, SampleFilter(None), lambda good, _: good.numpy())
    assert len(tries) == n_tries


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
