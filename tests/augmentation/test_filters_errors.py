"""Data, distances and classifiers that a filter cannot use."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from riemann_sampler import ArgumentError, DataError, SampleFilter
from riemann_sampler.errors import ArgumentTypeError
from tests.helpers.builders import normal
from tests.helpers.filter_cases import LINE, Rule, by_sign


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
