"""What is asked of a table, whether it is an array of two axes or a pandas DataFrame, which is optional."""

from collections.abc import Hashable
from numbers import Real
from typing import Any

import numpy as np
from jaxtyping import Shaped

from ..errors import ArgumentTypeError, DataError

__all__ = ["assemble", "cells_of", "check_cells", "dtype_of", "is_frame", "is_numeric", "names_of", "stack"]


def check_cells(X: Any) -> None:
    """Raise an `ArgumentTypeError` if X is no table with rows, a `DataError` at a cell that is missing or infinite."""
    if not (is_frame(X) or isinstance(X, np.ndarray)) or X.ndim != 2:
        shape = f" of shape {tuple(X.shape)}" if hasattr(X, "shape") else ""
        msg = f"X must be an array of two axes or a pandas DataFrame, got {type(X).__name__}{shape}."
        raise ArgumentTypeError(msg)
    if 0 in X.shape:
        msg = f"X is empty: its shape is {tuple(X.shape)}."
        raise DataError(msg)
    for j, name in enumerate(names_of(X)):
        cells = cells_of(X, j)
        bad = _missing(X, j)
        if not bad.any() and is_numeric(X, j):
            bad = np.isinf(cells.astype(np.float64))
        if bad.any():
            row = int(bad.argmax())
            msg = (
                f"X must have no NaN and no infinite cells, but row {row} of column {name!r} holds {cells[row]}; "
                "impute it first, such as by a SimpleImputer earlier in the pipeline."
            )
            raise DataError(msg)


def is_frame(X: Any) -> bool:
    """Whether X is a pandas DataFrame; pandas itself is optional."""
    return hasattr(X, "iloc") and hasattr(X, "columns")


def names_of(X: Any) -> list[Hashable]:
    """Names of the columns; those of an array are their indices."""
    return list(X.columns) if is_frame(X) else list(range(X.shape[1]))


def dtype_of(X: Any, j: int) -> Any:
    """What numpy or pandas says of a column."""
    return X.dtypes.iloc[j] if is_frame(X) else X.dtype


def cells_of(X: Any, j: int) -> Shaped[np.ndarray, " n"]:
    """A column as an array of numpy's."""
    cells: Shaped[np.ndarray, " n"] = X.iloc[:, j].to_numpy() if is_frame(X) else X[:, j]
    return cells


def _missing(X: Any, j: int) -> Shaped[np.ndarray, " n"]:
    if is_frame(X):
        return np.asarray(X.iloc[:, j].isna(), bool)
    cells = X[:, j]
    if cells.dtype.kind == "O":
        return np.array([cell is None or cell != cell for cell in cells])  # only NaN differs from itself
    return np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(len(cells), bool)


def is_numeric(X: Any, j: int) -> bool:
    """Whether a column holds numbers, by its dtype or, if it holds objects, by each of them."""
    dtype = dtype_of(X, j)
    if dtype == np.dtype(object):
        return all(isinstance(cell, Real) and not isinstance(cell, bool) for cell in cells_of(X, j))
    return dtype.kind in "iuf"


def assemble(columns: list[Shaped[np.ndarray, " n"]], like: Any) -> Any:
    """A table of these columns, of the kind and the dtypes of another one."""
    if is_frame(like):
        import pandas as pd  # optional, and at hand: the table is of its making

        frame = pd.concat([pd.Series(c, dtype=d) for c, d in zip(columns, like.dtypes, strict=True)], axis=1)
        frame.columns = like.columns
        return frame
    rows = np.empty((len(columns[0]), len(columns)), like.dtype)
    for j, column in enumerate(columns):
        rows[:, j] = column
    return rows


def stack(upper: Any, lower: Any) -> Any:
    """The rows of two DataFrames, numbered anew."""
    import pandas as pd

    return pd.concat([upper, lower], ignore_index=True)
