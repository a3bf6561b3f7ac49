"""Features that the tests of the scores have in common."""

import numpy as np


def normal(n: int, dim: int, seed: int, *, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return shift + scale * np.random.default_rng(seed).normal(size=(n, dim))
