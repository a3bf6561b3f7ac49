"""The checks that imbalanced-learn and scikit-learn have for every estimator of theirs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import imblearn.utils.estimator_checks
import numpy as np
import pytest
import sklearn.utils.estimator_checks

from riemann_sampler import RiemannianOverSampler

SAMPLER = RiemannianOverSampler(n_steps=2, classifier=None, random_state=0)
"""The checks are of the interface: it is hardly trained, and keeps what it draws."""

# Lists, as the generators that parametrize_with_checks passes on are deprecated by pytest.
IMBALANCED_LEARN = list(imblearn.utils.estimator_checks.estimator_checks_generator(SAMPLER))
SCIKIT_LEARN = list(sklearn.utils.estimator_checks.estimator_checks_generator(SAMPLER))


def name(value: Any) -> str:
    return value.func.__name__ if hasattr(value, "func") else type(value).__name__


@contextmanager
def global_random_state_kept() -> Iterator[None]:
    """The checks themselves draw from numpy's global state, and seed it."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize(("estimator", "check"), IMBALANCED_LEARN, ids=name)
def test_imbalanced_learn(estimator: Any, check: Any) -> None:
    with global_random_state_kept():
        check(estimator)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(("estimator", "check"), SCIKIT_LEARN, ids=name)
def test_scikit_learn(estimator: Any, check: Any) -> None:
    with global_random_state_kept():
        check(estimator)
