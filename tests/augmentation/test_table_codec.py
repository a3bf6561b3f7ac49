"""Tables as matrices for a VAE, and back."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from riemann_sampler.augmentation.small_vae import Layout
from riemann_sampler.augmentation.table_codec import Columns
from tests.helpers.tables import mixed_frame, rng


def restore(columns: Columns, matrix: Any, **arguments: Any) -> Any:
    return columns.inverse(matrix, rng(), **arguments)


def test_a_frame_of_all_kinds_comes_back() -> None:
    frame = mixed_frame()
    columns = Columns.fit(frame)
    rows = restore(columns, columns.transform(frame))
    assert rows.columns.tolist() == frame.columns.tolist()
    assert rows.dtypes.tolist() == frame.dtypes.tolist()
    pd.testing.assert_frame_equal(rows, frame.reset_index(drop=True), rtol=1e-5)
    exact = ["category", "flag", "count", "constant", "string", "nullable", "text", "small", "objects"]
    pd.testing.assert_frame_equal(rows[exact], frame[exact].reset_index(drop=True), check_exact=True)
    assert {type(cell) for cell in rows["objects"]} == {int}


@pytest.mark.parametrize(
    "X",
    [
        rng().normal(size=(40, 3)),
        rng().normal(size=(40, 3)).astype(np.float32),
        rng().integers(-5, 90, (40, 3)),
        rng().integers(0, 250, (40, 3)).astype(np.uint8),
        rng().random((40, 3)) < 0.5,
        rng().choice(["yes", "no", "perhaps"], (40, 3)),
    ],
    ids=lambda X: str(X.dtype),
)
def test_an_array_of_one_kind_comes_back(X: Any) -> None:
    columns = Columns.fit(X)
    rows = restore(columns, columns.transform(X))
    assert rows.dtype == X.dtype
    if X.dtype.kind == "f":
        np.testing.assert_allclose(rows, X, rtol=1e-4, atol=1e-6)
    else:
        np.testing.assert_array_equal(rows, X)


def test_an_array_of_objects_comes_back() -> None:
    X = np.array([[1, "a", 0.5, True], [2, "b", 1.5, False], [5, "a", 2.0, False]], dtype=object)
    columns = Columns.fit(X)
    assert columns.layout == Layout(2, (2, 2))
    rows = restore(columns, columns.transform(X))
    assert rows[:, [0, 1, 3]].tolist() == X[:, [0, 1, 3]].tolist()
    np.testing.assert_allclose(rows[:, 2].astype(float), X[:, 2].astype(float), rtol=1e-6)
    assert [type(cell) for cell in rows[1]] == [int, str, float, bool]


def test_numbers_are_standardized_and_categories_one_hot() -> None:
    frame = pd.DataFrame({"s": ["b", "a", "b", "c"], "x": [1.0, 2.0, 3.0, 6.0], "k": [5, 5, 5, 5]})
    columns = Columns.fit(frame)
    assert columns.layout == Layout(1, (3,))
    numbers = (frame["x"] - 3.0) / np.sqrt(3.5)
    expected = torch.tensor([[numbers[i], *row] for i, row in enumerate([(0, 1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])])
    torch.testing.assert_close(columns.transform(frame), expected.float())


def test_other_rows_have_the_scales_of_the_fit() -> None:
    columns = Columns.fit(np.array([[0.0], [2.0]]))
    torch.testing.assert_close(columns.transform(np.array([[5.0]])), torch.tensor([[4.0]]))


def test_numbers_stay_in_the_range_of_their_column() -> None:
    X = np.array([[0.0, 1.5, 3.25], [4.0, -1.5, 3.25], [1.0, 0.2, 3.25]])
    columns = Columns.fit(X)
    rows = restore(columns, np.array([[100.0, -100.0], [-100.0, 100.0]]))
    assert rows.tolist() == [[4.0, -1.5, 3.25], [0.0, 1.5, 3.25]]


def test_columns_of_whole_numbers_are_rounded() -> None:
    X = np.array([[0.0, 0.0], [10.0, 10.5]])
    rows = restore(Columns.fit(X), np.array([[0.13, 0.13]]))  # of mean 5 and standard deviation 5
    np.testing.assert_allclose(rows, [[6.0, 5.25 * 1.13]])


def test_noise_is_added_to_numbers() -> None:
    X = rng().normal(0.0, [3.0, 0.5], (200, 2))
    columns = Columns.fit(X)
    matrix = np.zeros((4000, 2))
    noise = np.array([0.1, 0.2])
    assert (restore(columns, matrix).std(0) < 1e-12).all()
    rows = restore(columns, matrix, noise=noise)
    np.testing.assert_allclose(rows.std(0), noise * X.std(0), rtol=0.05)
    np.testing.assert_allclose(rows.mean(0), X.mean(0), atol=0.05)
    assert abs(np.corrcoef(rows.T)[0, 1]) < 0.06
    np.testing.assert_array_equal(rows, restore(columns, matrix, noise=noise))


def test_categories_are_drawn_from_their_probabilities() -> None:
    columns = Columns.fit(np.array([["a", "x"], ["b", "y"], ["c", "x"], ["d", "y"]]))
    matrix = np.tile([0.0, 0.5, 0.2, 0.3, 0.9, 0.1], (5000, 1))
    first, second = restore(columns, matrix).T
    shares = [np.mean(first == letter) for letter in "abcd"] + [np.mean(second == letter) for letter in "xy"]
    np.testing.assert_allclose(shares, matrix[0], atol=0.03)
    assert shares[0] == 0.0
    both = np.mean((first == "b") & (second == "x"))
    np.testing.assert_allclose(both, 0.45, atol=0.03)  # columns are drawn apart
    np.testing.assert_array_equal(restore(columns, matrix), restore(columns, matrix))
    assert (columns.inverse(matrix, rng(1)) != restore(columns, matrix)).any()


def test_no_rows() -> None:
    frame = mixed_frame()
    columns = Columns.fit(frame)
    rows = restore(columns, columns.transform(frame)[:0])
    assert rows.shape == (0, frame.shape[1])
    assert rows.dtypes.tolist() == frame.dtypes.tolist()


def test_the_kinds_that_auto_takes_for_categories() -> None:
    assert Columns.fit(mixed_frame()).layout.categories == (3, 2, 2, 2)  # category, flag, string, text


@pytest.mark.parametrize(
    "features", [["k", "s"], [0, 2], [2, 0], [-1, "k"], np.array([True, False, True]), [True, False, True], ("s", 0)]
)
def test_the_columns_chosen_for_categories(features: Any) -> None:
    frame = pd.DataFrame({"k": [1, 2, 7], "x": [0, 1, 2], "s": ["a", "b", "a"]})
    assert Columns.fit(frame, features).layout == Layout(1, (3, 2))


def test_no_column_is_a_category() -> None:
    frame = pd.DataFrame({"k": [1, 2, 7], "x": [0, 1, 2]})
    assert Columns.fit(frame, None).layout == Columns.fit(frame, []).layout == Layout(2)


def test_numbers_chosen_for_categories_keep_their_dtype() -> None:
    X = np.array([[3, 10], [5, 20], [3, 40]])
    columns = Columns.fit(X, [0])
    rows = restore(columns, columns.transform(X))
    assert columns.layout == Layout(1, (2,))
    np.testing.assert_array_equal(rows, X)
    assert rows.dtype == X.dtype


def test_one_column_of_a_kind_alone_is_constant() -> None:
    assert Columns.fit(pd.DataFrame({"s": ["a", "a"], "x": [1.0, 2.0]})).layout == Layout(1, (1,))
    assert Columns.fit(pd.DataFrame({"s": ["a", "b"], "x": [1.0, 1.0]})).layout == Layout(0, (2,))
