"""What `RiemannianOverSampler` refuses, and how it says so."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import riemann_sampler
from riemann_sampler import ArgumentError, DataError
from riemann_sampler.augmentation import oversampling
from tests.helpers.oversampling_cases import Y, numbers, quick


def test_all_columns_constant() -> None:
    with pytest.raises(DataError, match=r"^every column of X is constant in its 60 rows"):
        quick().fit_resample(np.ones((60, 3)), Y)


@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_missing_cells(method: str) -> None:
    X = numbers()
    X[9, 2] = np.nan
    with pytest.raises(DataError, match=r"^X must have no NaN and no infinite cells, but row 9 of column 2 holds nan;"):
        getattr(quick(), method)(X, Y)
    with pytest.raises(ValueError, match=r"Input contains NaN"):
        getattr(quick(), method)(sparse.csr_matrix(X), Y)


def test_labels_of_another_number() -> None:
    with pytest.raises(ValueError, match=r"^Found input variables with inconsistent numbers of samples: \[60, 59\]"):
        quick().fit_resample(numbers(), Y[:-1])


def test_one_class() -> None:
    with pytest.raises(ValueError, match=r"needs to have more than 1 class\. Got 1 class"):
        quick().fit_resample(numbers(), ["a"] * 60)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (
            {"b": 13},
            r"should be greater or equal to the original number of samples\. Originally, there is 14 .* 13 sam",
        ),
        ({"d": 50}, r"The {'?\w*\(?'d'\)?} target class is/are not present in the data"),
        (0.5, r'"sampling_strategy" can be a float only when the type of target is binary'),
        ("majority", r"The 'sampling_strategy' parameter of RiemannianOverSampler must be "),
    ],
)
def test_strategies_that_cannot_be_met(strategy: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(sampling_strategy=strategy).fit_resample(numbers(), Y)


def test_columns_that_are_not_there() -> None:
    with pytest.raises(ArgumentError, match=r"^categorical_features has 'z', which is neither"):
        quick(categorical_features=["z"]).fit_resample(pd.DataFrame(numbers()), Y)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("preset", "smooth"),
        ("min_distance", 0.0),
        ("min_distance", "far"),
        ("classifier", 3),
        ("classifier", "net"),
        ("island_scale", 0),
        ("island_scale", "wide"),
        ("latent_dim", 0),
        ("n_steps", 1.5),
        ("categorical_features", "x"),
        ("random_state", "x"),
    ],
)
def test_arguments_that_cannot_be_used(argument: str, value: Any) -> None:
    sampler = quick().set_params(**{argument: value})
    with pytest.raises(ValueError, match=rf"^The '{argument}' parameter of RiemannianOverSampler must be "):
        sampler.fit_resample(numbers(), Y)


def test_it_is_there_when_asked_for() -> None:
    assert riemann_sampler.RiemannianOverSampler is oversampling.RiemannianOverSampler
    assert "RiemannianOverSampler" in riemann_sampler.__all__
    assert "RiemannianOverSampler" in dir(riemann_sampler)
    assert "Metric" not in dir(riemann_sampler)
    with pytest.raises(AttributeError, match=r"^module 'riemann_sampler' has no attribute 'Riemannian'$"):
        riemann_sampler.Riemannian  # noqa: B018
