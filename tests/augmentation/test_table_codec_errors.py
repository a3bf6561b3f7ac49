"""Tables that no VAE can be trained on, and what is said of them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from riemann_sampler import ArgumentError, ArgumentTypeError, DataError
from riemann_sampler.augmentation.table_codec import Columns
from tests.helpers.tables import mixed_frame


@pytest.mark.parametrize("X", [np.full((3, 2), 4.0), pd.DataFrame({"s": ["a", "a", "a"], "x": [1, 1, 1]})])
def test_all_columns_constant(X: Any) -> None:
    with pytest.raises(DataError, match=r"^every column of X is constant in its 3 rows"):
        Columns.fit(X)


def with_cell(frame: pd.DataFrame, row: int, column: str, value: Any) -> pd.DataFrame:
    frame = frame.copy()
    frame.iloc[row, frame.columns.get_loc(column)] = value
    return frame


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("float", np.nan, "nan"),
        ("float", -np.inf, "-inf"),
        ("nullable", pd.NA, "(nan|<NA>)"),
        ("string", None, "None"),
        ("string", np.nan, "nan"),
        ("category", None, "nan"),
        ("objects", np.inf, "inf"),
    ],
)
def test_missing_cells_of_a_frame(column: str, value: Any, shown: str) -> None:
    frame = with_cell(mixed_frame(), 7, column, value)
    message = (
        rf"^X must have no NaN and no infinite cells, but row 7 of column '{column}' holds {shown}; impute it first, "
        "such as by a SimpleImputer"
    )
    with pytest.raises(DataError, match=message):
        Columns.fit(frame)
    with pytest.raises(DataError, match=message):
        Columns.fit(mixed_frame()).transform(frame)


@pytest.mark.parametrize("cell", [np.nan, np.inf, None])
@pytest.mark.parametrize("dtype", [float, object])
def test_missing_cells_of_an_array(dtype: type, cell: Any) -> None:
    X = np.ones((4, 3), dtype=dtype)
    X[2, 1] = cell
    with pytest.raises(DataError, match=r"but row 2 of column 1 holds (nan|inf|None);"):
        Columns.fit(X)


def test_unknown_categories() -> None:
    frame = mixed_frame()
    message = r"^column 'string' holds the unknown category 'green': the training rows had \['blue', 'red'\]\."
    with pytest.raises(DataError, match=message):
        Columns.fit(frame).transform(with_cell(frame, 3, "string", "green"))


def test_other_columns() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [3.0, 5.0]})
    columns = Columns.fit(frame)
    wanted = r"^X must have the 2 columns of the training rows, \['a', 'b'\]; "
    with pytest.raises(DataError, match=wanted + r"got 1, \['a'\]\.$"):
        columns.transform(frame[["a"]])
    with pytest.raises(DataError, match=wanted + r"got 2, \['b', 'a'\]\.$"):
        columns.transform(frame[["b", "a"]])
    with pytest.raises(DataError, match=wanted + r"got 2, \[0, 1\]\.$"):
        columns.transform(frame.to_numpy())


@pytest.mark.parametrize(("X", "found"), [([[1, 2]], "list"), (np.ones(3), r"ndarray of shape \(3,\)"), (None, "None")])
def test_no_table(X: Any, found: str) -> None:
    with pytest.raises(ArgumentTypeError, match=rf"^X must be an array of two axes or a pandas DataFrame, got {found}"):
        Columns.fit(X)


@pytest.mark.parametrize("X", [np.ones((0, 2)), np.ones((2, 0)), pd.DataFrame({"a": []})])
def test_an_empty_table(X: Any) -> None:
    with pytest.raises(DataError, match=r"^X is empty: its shape is \("):
        Columns.fit(X)


@pytest.mark.parametrize(
    "column",
    [pd.date_range("2026-01-01", periods=3), ["1.5", "2.5", "3.5"], np.array([1j, 2j, 3j]), [True, False, True]],
)
def test_columns_that_are_neither_numbers_nor_chosen(column: Any) -> None:
    frame = pd.DataFrame({"x": [1, 2, 3], "y": column})
    with pytest.raises(DataError, match=r"^column 'y' holds \S+ values that are not numbers: name it in categorical_f"):
        Columns.fit(frame, None)


def test_dates_are_no_categories_by_themselves() -> None:
    with pytest.raises(DataError, match=r"^column 'y' holds datetime64\[ns\] values that are not numbers"):
        Columns.fit(pd.DataFrame({"x": [1, 2, 3], "y": pd.date_range("2026-01-01", periods=3)}))


@pytest.mark.parametrize("cells", [["a", 1, "b"], [{}, {}, {}]])
def test_categories_without_an_order(cells: Any) -> None:
    frame = pd.DataFrame({"x": [1, 2, 3], "y": np.array(cells, dtype=object)})
    with pytest.raises(DataError, match=r"^the categories of column 'y' cannot be told apart and put into an order: "):
        Columns.fit(frame)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("x", r"must be 'auto', None or several names or indices, got 'x'\."),
        (["z"], r"has 'z', which is neither the name nor the index of a column of X: \['x', 'y'\]\."),
        ([2], r"has 2, which is neither"),
        ([-3], r"has -3, which is neither"),
        ([0.0], r"has 0\.0, which is neither"),
        ([True], r"as a mask must hold 2 booleans, one a column, got 1\."),
    ],
)
def test_features_that_are_not_there(features: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match="^categorical_features " + message):
        Columns.fit(pd.DataFrame({"x": [1, 2], "y": [3, 4]}), features)
