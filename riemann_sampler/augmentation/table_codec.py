"""From a table to the matrix that a VAE is trained on, and from what it decodes back to rows of the same kind.

Numbers are standardized, categories become one-hot groups. The way back keeps to what the training rows show: no number
leaves the range of its column, so that counts stay counts and constant columns constant, and a column whose numbers
were all whole holds whole numbers. Categories are drawn from their decoded probabilities: to take the likeliest would
make rare ones rarer still.
"""

from collections.abc import Hashable
from numbers import Integral
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Shaped
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from torch import Tensor

from ..errors import ArgumentError, DataError
from .small_vae import Layout
from .tables import assemble, cells_of, check_cells, dtype_of, is_frame, is_numeric, names_of

__all__ = ["Columns"]


class Columns:
    """The columns of a table; `fit` finds them.

    Args:
        like: A table of the same kind, without rows.
        numbers: The columns that hold numbers.
        categories: Those that hold categories.

    Attributes:
        layout: What the columns of the matrix are; of the numbers those alone that vary.

    Example:
        >>> columns = Columns.fit(frame)
        >>> matrix = columns.transform(frame)
        >>> rows = columns.inverse(matrix, np.random.default_rng(0))
    """

    layout: Layout

    def __init__(self, like: Any, numbers: "_Numbers", categories: "_Categories") -> None:
        self._like, self._numbers, self._categories = like, numbers, categories
        self.layout = Layout(len(numbers.varying), tuple(map(len, categories.known)))

    @classmethod
    def fit(cls, X: Any, categorical_features: Any = "auto") -> "Columns":
        """Learn ranges, means, scales and categories.

        Args:
            X: Array of two axes, or pandas DataFrame.
            categorical_features: Names, indices or a boolean mask of the columns that are categories; ``"auto"``, those
                of dtype category, string or bool, and those of objects that are not all numbers; None is no column.

        Returns:
            The columns.

        Raises:
            ArgumentError: If ``categorical_features`` names columns that are not there.
            ArgumentTypeError: If X is no table.
            DataError: If cells are missing, a column is neither numbers nor categories, or all are constant.
        """
        check_cells(X)
        chosen = _chosen(X, categorical_features)
        numbers = _Numbers(X, [j for j in range(X.shape[1]) if j not in chosen])
        categories = _Categories(X, chosen)
        if not len(numbers.varying) and all(len(known) == 1 for known in categories.known):
            msg = f"every column of X is constant in its {len(X)} rows, so there is nothing that a VAE could learn."
            raise DataError(msg)
        return cls(X.iloc[:0].copy() if is_frame(X) else np.empty((0, X.shape[1]), X.dtype), numbers, categories)

    def transform(self, X: Any) -> Float[Tensor, "n columns"]:
        """The matrix of the table, or of another one with the same columns.

        Args:
            X: Table of the kind that was fitted.

        Returns:
            Standardized numbers, then one-hot groups, float32.

        Raises:
            ArgumentTypeError: If X is no table.
            DataError: If it has other columns or unknown categories, or cells are missing.
        """
        check_cells(X)
        known, names = names_of(self._like), names_of(X)
        if names != known:
            msg = f"X must have the {len(known)} columns of the training rows, {known}; got {len(names)}, {names}."
            raise DataError(msg)
        matrix = np.concatenate([self._numbers.standardize(X), self._categories.one_hot(X)], 1, dtype=np.float32)
        return torch.from_numpy(matrix)

    def inverse(self, matrix: Any, rng: np.random.Generator, noise: Any = None) -> Any:
        """Rows of the kind that was fitted.

        Args:
            matrix: What the VAE decoded: numbers, and probabilities of categories.
            rng: Draws the categories, and the noise.
            noise: Standard deviation of the noise that is added to each standardized number; None adds none.

        Returns:
            Rows with the same columns, in the same order and of the same dtypes.
        """
        matrix = np.asarray(matrix, np.float64)
        n_numbers = self.layout.n_numeric
        numbers, probabilities = matrix[:, :n_numbers], matrix[:, n_numbers:]
        if noise is not None:
            numbers = numbers + np.asarray(noise) * rng.standard_normal(numbers.shape)
        values = {**self._numbers.restore(numbers), **self._categories.drawn(probabilities, rng)}
        return assemble([values[j] for j in range(len(values))], self._like)


class _Numbers:
    """The columns that hold numbers."""

    def __init__(self, X: Any, indices: list[int]) -> None:
        self._indices = indices
        values = self._values(X)
        self._integral = [_integral(X, j) for j in indices]
        self._low, self._high = values.min(0), values.max(0)
        self._whole = (values == np.round(values)).all(0)
        self.varying = np.flatnonzero(self._low < self._high)
        self._scaler = StandardScaler().fit(values[:, self.varying]) if len(self.varying) else None

    def standardize(self, X: Any) -> Shaped[np.ndarray, "n varying"]:
        values = self._values(X)[:, self.varying]
        return values if self._scaler is None else self._scaler.transform(values)

    def restore(self, matrix: Shaped[np.ndarray, "n varying"]) -> dict[int, Shaped[np.ndarray, " n"]]:
        """Values of each column, by its index."""
        values = np.tile(self._low, (len(matrix), 1))
        if self._scaler is not None and len(matrix):  # it takes no empty matrix
            values[:, self.varying] = self._scaler.inverse_transform(matrix)
        values = np.where(self._whole, np.round(values), values).clip(self._low, self._high)
        columns = zip(self._indices, values.T, self._integral, strict=True)
        return {j: column.astype(np.int64) if integral else column for j, column, integral in columns}

    def _values(self, X: Any) -> Shaped[np.ndarray, "n k"]:
        for j in self._indices:
            if not is_numeric(X, j):
                msg = (
                    f"column {names_of(X)[j]!r} holds {dtype_of(X, j)} values that are not numbers: name it in "
                    "categorical_features, or convert it to numbers."
                )
                raise DataError(msg)
        values = np.empty((len(X), len(self._indices)))
        for i, j in enumerate(self._indices):
            values[:, i] = cells_of(X, j)
        return values


class _Categories:
    """The columns that hold categories."""

    def __init__(self, X: Any, indices: list[int]) -> None:
        self._indices = indices
        self.known = [_sort_cells(cells_of(X, j), names_of(X)[j]) for j in indices]
        self._encoder = OneHotEncoder(categories=self.known, sparse_output=False)

    def one_hot(self, X: Any) -> Shaped[np.ndarray, "n groups"]:
        cells = np.empty((len(X), len(self._indices)), object)
        for i, j in enumerate(self._indices):
            cells[:, i] = cells_of(X, j)
            unknown = set(cells[:, i]) - set(self.known[i])
            if unknown:
                msg = (
                    f"column {names_of(X)[j]!r} holds the unknown category {unknown.pop()!r}: the training rows had "
                    f"{self.known[i].tolist()}. Put rare categories into one before, or drop such rows."
                )
                raise DataError(msg)
        return self._encoder.fit_transform(cells) if self._indices else np.empty((len(X), 0))

    def drawn(
        self, probabilities: Shaped[np.ndarray, "n groups"], rng: np.random.Generator
    ) -> dict[int, Shaped[np.ndarray, " n"]]:
        """Categories of each column, by its index."""
        groups = np.split(probabilities, np.cumsum([len(known) for known in self.known])[:-1], axis=1)
        columns = {}
        for j, known, group in zip(self._indices, self.known, groups[: len(self.known)], strict=True):
            levels = group.cumsum(1)
            columns[j] = known[(levels < levels[:, -1:] * rng.random((len(group), 1))).sum(1)]
        return columns


def _chosen(X: Any, features: Any) -> list[int]:
    """Indices of the columns that are categories, in order."""
    names = names_of(X)
    if features is None:
        return []
    if isinstance(features, str):
        if features != "auto":
            msg = f"categorical_features must be 'auto', None or several names or indices, got {features!r}."
            raise ArgumentError(msg)
        return [j for j in range(len(names)) if dtype_of(X, j).kind in "ObSU" and not is_numeric(X, j)]
    features = list(features)
    if features and all(isinstance(feature, bool | np.bool_) for feature in features):
        if len(features) != len(names):
            msg = f"categorical_features as a mask must hold {len(names)} booleans, one a column, got {len(features)}."
            raise ArgumentError(msg)
        return np.flatnonzero(features).tolist()
    return sorted({_index(feature, names) for feature in features})


def _integral(X: Any, j: int) -> bool:
    """Whether a column of objects holds Python's whole numbers."""
    return dtype_of(X, j) == np.dtype(object) and all(isinstance(cell, Integral) for cell in cells_of(X, j))


def _index(feature: Any, names: list[Hashable]) -> int:
    if isinstance(feature, str) and feature in names:
        return names.index(feature)
    if isinstance(feature, Integral) and -len(names) <= int(feature) < len(names):
        return int(feature) % len(names)
    msg = f"categorical_features has {feature!r}, which is neither the name nor the index of a column of X: {names}."
    raise ArgumentError(msg)


def _sort_cells(cells: Shaped[np.ndarray, " n"], name: Hashable) -> Shaped[np.ndarray, " k"]:
    try:
        known = sorted(set(cells.tolist()))
    except TypeError as error:
        msg = f"the categories of column {name!r} cannot be told apart and put into an order: {error}. Make it strings."
        raise DataError(msg) from error
    return np.array(known, dtype=object)
