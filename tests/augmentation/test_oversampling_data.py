"""`RiemannianOverSampler` on rows and labels of every kind."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from tests.helpers.oversampling_cases import Y, numbers, quick, rng
from tests.helpers.tables import mixed_frame


def test_a_frame_of_all_kinds() -> None:
    frame, y = mixed_frame(), pd.Series(Y, name="class", dtype="category")
    more, labels = quick(n_steps=50).fit_resample(frame, y)
    pd.testing.assert_frame_equal(more[:60], frame.reset_index(drop=True))
    assert more.dtypes.tolist() == frame.dtypes.tolist()
    assert more.columns.tolist() == frame.columns.tolist()
    assert (labels.dtype, labels.name) == (y.dtype, "class")
    assert labels.index.equals(more.index)
    new = more[60:]
    assert set(new["category"]) <= set("uvw")
    assert (new["constant"] == 0.1).all()
    assert new["count"].between(frame["count"].min(), frame["count"].max()).all()
    assert set(new["objects"].map(type)) == {int}


def test_the_columns_named_as_categories() -> None:
    X = np.column_stack([numbers(60, 2), rng().choice([3.0, 7.0, 11.0], 60)])
    more, _ = quick(categorical_features=[2]).fit_resample(X, Y)
    assert set(more[60:, 2]) <= {3.0, 7.0, 11.0}
    assert set(quick().fit_resample(X, Y)[0][60:, 2]) - {3.0, 7.0, 11.0}


@pytest.mark.parametrize("format_name", ["csr", "csc"])
def test_sparse_rows(format_name: str) -> None:
    X = sparse.random(60, 5, 0.3, format=format_name, rng=rng(), dtype=np.float32)
    more, _ = quick().fit_resample(X, Y)
    assert (more.format, more.dtype, more.shape) == (format_name, np.float32, (120, 5))
    assert (more[:60] != X).nnz == 0
    np.testing.assert_array_equal(more.toarray(), quick().fit_resample(X.toarray(), Y)[0])


def test_lists_with_strings() -> None:
    X = [[float(x), "yes" if x > 0 else "no"] for x in numbers(60, 1)[:, 0]]
    more, labels = quick().fit_resample(X, Y.tolist())
    assert more[:60] == X
    assert labels[60:] == ["b"] * 26 + ["c"] * 34
    assert {type(cell) for row in more for cell in row} == {float, str}


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([0, 1, 2], int),
        ([-1, 5, 2], np.int8),
        (["x", "yy", "z"], str),
        (["x", "yy", "z"], object),
        ([0.0, 1.0, 2.0], float),
    ],
)
def test_labels_of_any_kind(labels: Any, dtype: Any) -> None:
    y = np.repeat(np.array(labels, dtype=dtype), [30, 20, 10])
    _, more = quick().fit_resample(numbers(), y)
    assert more.dtype == y.dtype
    assert Counter(more.tolist()) == dict.fromkeys(labels, 30)


def test_boolean_labels() -> None:
    _, labels = quick().fit_resample(numbers(), np.array([True] * 45 + [False] * 15))
    assert labels.dtype == bool
    assert not labels[60:].any()


def test_images() -> None:
    X, y = load_digits(n_class=2, return_X_y=True)
    images, y = (X[:80].reshape(-1, 8, 8, 1) * 15).astype(np.uint8), y[:80]
    sampler = quick(n_steps=300, sampling_strategy={0: 70, 1: 60})
    more, labels = sampler.fit_resample(images, y)
    assert (more.dtype, more.shape) == (np.uint8, (130, 8, 8, 1))
    np.testing.assert_array_equal(more[:80], images)
    judge = LogisticRegression(max_iter=500).fit(X[80:] * 15, load_digits(n_class=2).target[80:])
    assert (judge.predict(more[80:].reshape(50, 64)) == labels[80:]).mean() > 0.9
