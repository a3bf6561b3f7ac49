"""Tables for the tests of augmentation."""

from typing import Any

import numpy as np
import pandas as pd


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
