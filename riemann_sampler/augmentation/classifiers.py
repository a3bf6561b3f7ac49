"""Classifiers that judge synthetic rows by what they know of the real ones."""

import math
import warnings
from collections.abc import Hashable, Mapping, Sequence
from numbers import Integral
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from ..errors import ArgumentError, DataError
from ..labels import to_plain
from ..validation import positive

__all__ = ["check_odds", "find_misclassified", "fit_balanced", "small_net"]

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


def check_odds(least_odds: float | Mapping[Any, float], classifier: Any) -> Mapping[Any, float] | None:
    """Least odds by label, at the key None those of the others; None if the predicted label decides."""
    by_label = least_odds if isinstance(least_odds, Mapping) else {None: least_odds}
    checked = {label: positive("least_odds", odds) for label, odds in by_label.items()}
    if any(odds > 1 for odds in checked.values()):
        msg = f"least_odds must lie in (0, 1], got {least_odds!r}."
        raise ArgumentError(msg)
    if classifier is None or all(odds == 1 for odds in checked.values()):
        return None
    if not hasattr(classifier, "predict_proba"):
        msg = f"least_odds={least_odds!r} needs a classifier with predict_proba, got {classifier!r}."
        raise ArgumentError(msg)
    return {None: 1.0, **checked}


def find_misclassified(
    classifier: Any, x: Any, labels: Any, least_odds: Mapping[Any, float] | None
) -> Bool[np.ndarray, " n"]:
    """Which samples have another label than the predicted one, or one that is too unlikely beside it."""
    if labels is None or len(labels) != len(x):
        found = "none" if labels is None else len(labels)
        msg = f"classifier needs the label of each of the {len(x)} samples, got {found}."
        raise ArgumentError(msg)
    own = list(to_plain(labels))
    if least_odds is not None:
        return _odds(classifier, x, own) < np.array([least_odds.get(label, least_odds[None]) for label in own])
    return np.array([one != other for one, other in zip(_predict(classifier, x, own), own, strict=True)], dtype=bool)


def _odds(classifier: Any, x: Any, own: Sequence[Hashable]) -> Float[np.ndarray, " n"]:
    """Probability of each sample's label, as a share of the highest; 0 of labels that the classifier does not know."""
    probabilities = np.asarray(classifier.predict_proba(x))
    columns = {label: column for column, label in enumerate(to_plain(classifier.classes_))}
    known = np.array([label in columns for label in own])
    chosen = probabilities[np.arange(len(own)), [columns.get(label, 0) for label in own]]
    odds: Float[np.ndarray, " n"] = np.where(known, chosen / probabilities.max(1), 0.0)
    return odds


def _predict(classifier: Any, x: Any, own: Sequence[Hashable]) -> Sequence[Hashable]:
    """The label that a classifier predicts for each sample."""
    if hasattr(classifier, "predict"):
        answer = classifier.predict(x)
    else:
        if getattr(classifier, "training", False):
            msg = "classifier is in training mode, where its answers are not final: call classifier.eval() first."
            raise ArgumentError(msg)
        with torch.no_grad():
            answer = classifier(torch.as_tensor(x))
    shape = tuple(answer.shape) if hasattr(answer, "shape") else (len(answer),)
    if len(shape) not in (1, 2) or shape[0] != len(x) or 0 in shape:
        msg = f"classifier must return labels ({len(x)},) or scores ({len(x)}, classes), got shape {shape}."
        raise DataError(msg)
    return list(to_plain(answer)) if len(shape) == 1 else _highest(torch.as_tensor(answer), own)


def _highest(scores: Tensor, own: Sequence[Hashable]) -> Sequence[Hashable]:
    """The index of each sample's highest score."""
    unnumbered = [label for label in own if not isinstance(label, Integral) or not 0 <= label < scores.shape[1]]
    if unnumbered:
        msg = (
            f"classifier returns scores of {scores.shape[1]} classes, but label {unnumbered[0]!r} is not the number of "
            "one of them: let it return labels, one for each sample."
        )
        raise ArgumentError(msg)
    if scores.isnan().any():
        msg = "classifier returned scores that are NaN."
        raise DataError(msg)
    return list(to_plain(scores.argmax(1)))
