"""Checks of arguments name the argument and its value."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.validation import choice, finite_matrix, natural, positive


@pytest.mark.parametrize("value", [2, 0.5, np.float32(0.5), np.int64(3), Fraction(1, 3), 1e-300, 1e300])
def test_positive_numbers_become_floats(value: Any) -> None:
    found = positive("width", value)
    assert type(found) is float
    assert found == float(value)


@pytest.mark.parametrize("value", [0, 0.0, -1e-9, -3, float("inf"), float("-inf"), float("nan")])
def test_other_numbers_are_not_positive(value: Any) -> None:
    with pytest.raises(ArgumentError, match=rf"^width must be positive and finite, got {value!r}\.$"):
        positive("width", value)


@pytest.mark.parametrize("value", [True, False, "1", None, 1j, [1.0], torch.ones(())])
def test_no_numbers(value: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=rf"^width must be a number, got .* of type {type(value).__name__}\.$"):
        positive("width", value)


@pytest.mark.parametrize("value", [1, 10**30, np.int32(4)])
def test_natural_numbers_become_ints(value: Any) -> None:
    found = natural("count", value)
    assert type(found) is int
    assert found == value


@pytest.mark.parametrize(("value", "least"), [(0, 1), (-1, 1), (-1, 0), (4, 5)])
def test_numbers_below_the_least(value: int, least: int) -> None:
    with pytest.raises(ArgumentError, match=rf"^count must be at least {least}, got {value}\.$"):
        natural("count", value, least=least)
    assert natural("count", least, least=least) == least


@pytest.mark.parametrize("value", [1.0, 2.5, True, "3", None, np.float64(3)])
def test_numbers_that_are_not_whole(value: Any) -> None:
    message = rf"^count must be a whole number, got .* of type {type(value).__name__}\.$"
    with pytest.raises(ArgumentTypeError, match=message):
        natural("count", value)


def test_choice() -> None:
    assert choice("law", "b", ("a", "b")) == "b"
    with pytest.raises(ArgumentError, match=r"^law must be one of 'a', 'b'; got 'c'\.$"):
        choice("law", "c", ("a", "b"))


def test_a_finite_matrix_is_returned_as_it_is() -> None:
    matrix = torch.ones(2, 3)
    assert finite_matrix("z", matrix) is matrix
    assert finite_matrix("z", matrix, dim=3) is matrix


@pytest.mark.parametrize(("value", "kind"), [(torch.ones(2, 3).int(), "torch.int32"), (np.ones((2, 3)), "ndarray")])
def test_matrices_are_floating_point_tensors(value: Any, kind: str) -> None:
    with pytest.raises(ArgumentTypeError, match=rf"^z must be a floating-point tensor, got {kind}\.$"):
        finite_matrix("z", value)


@pytest.mark.parametrize(
    ("shape", "dim", "wanted"),
    [((3,), None, "rows, dim"), ((0, 3), None, "rows, dim"), ((2, 0), None, "rows, dim"), ((2, 4), 3, "rows, 3")],
)
def test_shapes_of_matrices(shape: tuple[int, ...], dim: int | None, wanted: str) -> None:
    got = ", ".join(map(str, shape))
    with pytest.raises(ArgumentError, match=rf"^z must have shape \({wanted}\), none of it 0; got \({got},?\)\.$"):
        finite_matrix("z", torch.ones(shape), dim=dim)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_matrices_must_be_finite(bad: float) -> None:
    matrix = torch.ones(5, 3)
    matrix[3, 1] = matrix[1, 2] = matrix[1, 0] = bad
    with pytest.raises(ArgumentError, match=r"^z must be finite, but 2 of 5 rows are not, the first is row 1\.$"):
        finite_matrix("z", matrix)
