"""Rows, classes, models and classifiers for the tests of `RiemannianOverSampler`."""

from collections import Counter
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin

from riemann_sampler import GaussianPosterior, RiemannianOverSampler

COUNTS = {"a": 40, "b": 14, "c": 6}
Y = np.repeat(list(COUNTS), list(COUNTS.values()))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def numbers(n: int = 60, dim: int = 4) -> Any:
    return rng().normal(size=(n, dim))


def quick(**arguments: Any) -> RiemannianOverSampler:
    """A sampler that rejects nothing and is hardly trained."""
    settled = {"preset": "calibrated", "island_scale": None, "classifier": None, "n_steps": 5, "random_state": 0}
    return RiemannianOverSampler(**{**settled, **arguments})


def assert_balanced(rows: Any, labels: Any, X: Any, y: Any) -> None:
    """The rows and labels are those of (X, y), those of smaller classes repeated."""
    known = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
    assert {row.tobytes() for row in rows} == set(known)
    assert [known[row.tobytes()] for row in rows] == list(labels)
    assert set(Counter(labels).values()) == {max(Counter(y).values())}


class Identity:
    """A trained latent model whose codes are the data."""

    def __init__(self, latent_dim: int = 4, spread: float = 0.1) -> None:
        self.latent_dim, self.spread = latent_dim, spread
        self.seen: list[torch.dtype] = []

    def encode(self, x: Any) -> GaussianPosterior:
        self.seen.append(x.dtype)
        return GaussianPosterior(x, torch.full_like(x, 2 * np.log(self.spread)))

    def decode(self, z: Any) -> Any:
        return z


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that calls everything with a positive first number class "b"; it keeps what it was fitted on."""

    fitted: list[Any] = []  # noqa: RUF012 (shared by all clones)

    def __init__(self, random_state: int | None = None) -> None:
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "Recorder":
        type(self).fitted.append((X, y, self.random_state))
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.where(np.asarray(X)[:, 0] > 0, "b", "c")

    @classmethod
    def fresh(cls) -> list[Any]:
        """What is fitted from now on."""
        cls.fitted.clear()
        return cls.fitted
