"""`RiemannianOverSampler`: what its filters reject."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from riemann_sampler import DataError
from riemann_sampler.augmentation import oversampling
from tests.helpers.oversampling_cases import Identity, Recorder, Y, assert_balanced, numbers, quick, rng


def test_a_minimum_distance() -> None:
    X = numbers()
    sampler = quick(model=Identity(spread=0.3), min_distance=0.8, sampling_strategy={"b": 100})
    more, _ = sampler.fit_resample(X, Y)
    nearest = np.linalg.norm(more[60:, None] - X, axis=2).min(1)
    assert nearest.min() >= 0.8 - 1e-5
    counts = sampler.filter_counts_
    assert counts.n_too_near > 0
    assert (counts.n_kept, counts.n_misclassified) == (86, 0)
    assert counts.n_drawn == counts.n_too_near + counts.n_kept


def test_each_attempt_draws_anew() -> None:
    drawn = []
    for state in range(4):
        model = Identity(spread=0.3)
        sampler = quick(model=model, min_distance=1.0, sampling_strategy={"b": 15}, random_state=state)
        assert len(sampler.fit_resample(numbers(), Y)[0]) == 61
        drawn.append(sampler.filter_counts_.n_drawn)
    assert max(drawn) > 1


def test_distances_are_in_standard_deviations_of_the_columns() -> None:
    """They are taken between the rows that come out, with whole numbers rounded and categories drawn."""
    frame = pd.DataFrame({"x": numbers()[:, 0] * 1e4, "k": rng().poisson(5.0, 60), "s": rng().choice(["p", "q"], 60)})
    sampler = quick(n_steps=30, min_distance=0.3)
    more, _ = sampler.fit_resample(frame, Y)
    real, new = (sampler.model_.transform(rows).numpy() for rows in (frame, more[60:]))
    nearest = np.linalg.norm(new[:, None] - real, axis=2).min(1)
    assert nearest.min() >= 0.3 - 1e-5
    assert sampler.filter_counts_.n_too_near > 0


def test_authentic_rows_alone() -> None:
    sampler = quick(model=Identity(spread=0.3), min_distance="authentic")
    sampler.fit_resample(numbers(), Y)
    assert sampler.filter_counts_.n_too_near > 0


def test_too_many_are_too_near() -> None:
    with pytest.raises(DataError, match=r"^too many samples were rejected: 26 of 26 of label 'b', .* are missing"):
        quick(min_distance=1e6).fit_resample(numbers(), Y)


def test_a_classifier() -> None:
    recorded = Recorder.fresh()
    X = numbers()
    judge = Recorder()
    sampler = quick(model=Identity(), classifier=judge)
    more, labels = sampler.fit_resample(X, Y)
    np.testing.assert_array_equal(labels[60:], np.where(more[60:, 0] > 0, "b", "c"))
    assert sampler.filter_counts_.n_misclassified > 0
    ((rows, y, state),) = recorded
    assert_balanced(rows, y, X.astype(np.float32), Y)
    assert not hasattr(judge, "classes_")
    assert judge.random_state is None
    assert state is not None  # or the result would not be the random state's alone
    quick(model=Identity(), classifier=Recorder(7)).fit_resample(X, Y)
    assert recorded[1][2] == 7


def test_the_classifier_by_default() -> None:
    """It rejects what it is sure about, the surer the smaller the class; with odds of 1 all it takes for others."""
    X = numbers() + 1.5 * (Y == "b")[:, None] - 1.5 * (Y == "c")[:, None]
    judge = LogisticRegression().fit(X, Y)
    rejected, agreement = [], []
    for arguments in ({}, {}, {"least_odds": 1.0}, {"classifier": None}):
        sampler = quick(model=Identity(), island_scale=8.0, **{"classifier": "auto", **arguments})
        more, labels = sampler.fit_resample(X, Y)
        rejected.append(sampler.filter_counts_.n_misclassified)
        agreement.append(np.mean(judge.predict(more[60:]) == labels[60:]))
    assert agreement[0] == agreement[1]
    assert agreement[2] > agreement[0] > agreement[3]
    assert agreement[2] > agreement[3] + 0.1
    assert rejected[2] > rejected[0] > rejected[3] == 0


def test_odds_are_the_shares_of_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    found, make_filter = [], oversampling.SampleFilter

    def spy(*arguments: Any, **options: Any) -> Any:
        found.append(options["least_odds"])
        return make_filter(*arguments, **options)

    monkeypatch.setattr(oversampling, "SampleFilter", spy)
    for odds in ("auto", 0.3):
        quick(model=Identity(), classifier="auto", least_odds=odds).fit_resample(numbers(), Y)
    assert found == [{"a": 1.0, "b": 14 / 40, "c": 6 / 40}, 0.3]


def test_a_classifier_without_probabilities_decides_by_its_predictions() -> None:
    X = numbers() + 1.5 * (Y == "b")[:, None] - 1.5 * (Y == "c")[:, None]
    samplers = [
        quick(model=Identity(), island_scale=8.0, classifier=LinearSVC(), least_odds=odds) for odds in (0.1, 1.0)
    ]
    lenient, strict = (sampler.fit_resample(X, Y)[0] for sampler in samplers)
    np.testing.assert_array_equal(lenient, strict)
    assert samplers[0].filter_counts_.n_misclassified > 0


def test_a_classifier_of_images() -> None:
    images, y = load_digits(n_class=2, return_X_y=True)
    sampler = quick(n_steps=50, classifier=LogisticRegression(max_iter=1000), sampling_strategy={1: 100})
    more, _ = sampler.fit_resample(images[:60].reshape(-1, 8, 8), y[:60])
    assert more.shape[1:] == (8, 8)
