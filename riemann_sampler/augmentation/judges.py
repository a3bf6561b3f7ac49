"""Classifiers that judge synthetic rows by what they know of the real ones."""

import math
import warnings
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

__all__ = ["fit_balanced", "small_net"]

HIDDEN, BATCH_SIZE, N_STEPS, LEARNING_RATE, PENALTY = 64, 64, 1_000, 2e-3, 1e-3
LEAST_PASSES: Final = 5


def small_net(n: int, seed: int) -> MLPClassifier:
    """A net of one hidden layer for n rows; it takes 1,000 steps, or five passes if these are more."""
    passes = max(LEAST_PASSES, math.ceil(N_STEPS / math.ceil(n / BATCH_SIZE)))
    return MLPClassifier(
        (HIDDEN,),
        alpha=PENALTY,
        batch_size=min(BATCH_SIZE, n),
        learning_rate_init=LEARNING_RATE,
        max_iter=passes,
        n_iter_no_change=passes,
        random_state=seed,
    )


def fit_balanced(classifier: Any, x: Float[np.ndarray, "n columns"], y: Any) -> Any:
    """The classifier fitted on these rows, those of smaller classes repeated: all classes weigh the same."""
    classes, counts = np.unique(y, return_counts=True)
    rows = np.concatenate([np.resize(np.flatnonzero(y == label), counts.max()) for label in classes])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # nets end after the steps that they are given
        return classifier.fit(x[rows], y[rows])
