"""Tables as a VAE sees them, and back."""

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from riemann_sampler import ArgumentError, ArgumentTypeError, DataError
from riemann_sampler.augmentation.small_vae import Layout
from riemann_sampler.augmentation.table_codec import Columns


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def mixed_frame(n: int = 60) -> pd.DataFrame:
    """A column of every kind, under an index that says nothing about the position of rows."""
    draws = rng()
    columns: dict[str, Any] = {
        "category": pd.Categorical(draws.choice(list("uvw"), n), categories=list("wvux"), ordered=True),
        "float": draws.normal(5.0, 2.0, n),
        "flag": draws.random(n) < 0.3,
        "count": draws.poisson(3.0, n),
        "constant": np.full(n, 0.1),
        "string": draws.choice(["red", "blue"], n),
        "float32": draws.normal(size=n).astype(np.float32),
        "nullable": pd.array(draws.integers(-4, 9, n), dtype="Int64"),
        "text": pd.array(draws.choice(["p", "q"], n), dtype="string"),
        "small": draws.integers(0, 200, n).astype(np.uint8),
        "objects": np.array([7, 2] * (n // 2), dtype=object),
        "sparse": pd.arrays.SparseArray(draws.integers(0, 2, n) * 1.5),
    }
    return pd.DataFrame(columns, index=draws.permutation(n) / 2)


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


WITHOUT_PANDAS = """
import sys
import numpy as np

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise ImportError(name)

sys.meta_path.insert(0, Blocked())
from riemann_sampler.augmentation.table_codec import Columns

X = np.array([[1, "a"], [2, "b"]], dtype=object)
columns = Columns.fit(X)
rows = columns.inverse(columns.transform(X), np.random.default_rng(0))
sys.exit(0 if (rows == X).all() else "other rows")
"""


def test_pandas_is_optional() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_PANDAS], check=True)
