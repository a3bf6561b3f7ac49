"""`RiemannianOverSampler`: what it adds, and what decides on it."""

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.augmentation import auto_model, oversampling
from riemann_sampler.augmentation.auto_model import AutoModel
from tests.helpers.oversampling_cases import Identity, Y, numbers, quick
from tests.helpers.tables import mixed_frame


@pytest.mark.parametrize(
    ("strategy", "added"),
    [
        ("auto", {"b": 26, "c": 34}),
        ("not majority", {"b": 26, "c": 34}),
        ("minority", {"c": 34}),
        ("not minority", {"b": 26}),
        ("all", {"b": 26, "c": 34}),
        ({"c": 10, "a": 43}, {"a": 3, "c": 4}),
        (lambda y: {"b": int((y == "b").sum()) + 5}, {"b": 5}),
    ],
)
def test_every_strategy(strategy: Any, added: dict[str, int]) -> None:
    X = numbers()
    sampler = quick(sampling_strategy=strategy)
    more, labels = sampler.fit_resample(X, Y)
    assert {label: n for label, n in sampler.sampling_strategy_.items() if n} == added
    np.testing.assert_array_equal(more[:60], X)
    np.testing.assert_array_equal(labels[:60], Y)
    assert labels[60:].tolist() == [label for label in "abc" for _ in range(added.get(label, 0))]
    assert len(more) == len(labels)
    assert len(np.unique(more, axis=0)) == len(more)
    assert sampler.filter_counts_ == (sum(added.values()), 0, 0, sum(added.values()))


def test_a_ratio() -> None:
    _, labels = quick(sampling_strategy=0.75).fit_resample(numbers(), [0] * 40 + [1] * 20)
    assert Counter(labels) == {0: 40, 1: 30}


def test_nothing_to_add() -> None:
    frame = mixed_frame()
    sampler = quick()
    more, labels = sampler.fit_resample(frame, [0, 1] * 30)
    pd.testing.assert_frame_equal(more, frame.reset_index(drop=True))
    assert labels == [0, 1] * 30
    assert sampler.filter_counts_.n_drawn == 0


def test_samples_are_of_the_law_of_their_class() -> None:
    X = numbers() + 20.0 * (Y == "b")[:, None] - 20.0 * (Y == "c")[:, None]
    more, labels = quick(model=Identity()).fit_resample(X, Y)
    for label in "bc":
        real, new = X[label == Y], more[60:][labels[60:] == label]
        assert (np.abs(new.mean(0) - real.mean(0)) < 1.0).all()
        assert (new.std(0) < 2.5).all()


def test_the_fitted_attributes() -> None:
    X = numbers()
    sampler = quick(preset="local", latent_dim=3)
    assert not hasattr(sampler, "model_")
    more, _ = sampler.fit_resample(X, Y)
    assert isinstance(sampler.model_, AutoModel)
    assert sampler.model_.latent_dim == 3
    assert isinstance(sampler.sampler_, RiemannianUniformSampler)
    assert sampler.sampler_.model is sampler.model_
    assert list(sampler.sampler_.metric_) == ["a", "b", "c"]
    assert sampler.sampler_.settings == RiemannianUniformSampler.from_preset("local").settings
    torch.testing.assert_close(sampler.sampler_.posterior_.mean, sampler.model_.encode(X).mean)
    assert more[60:].min() >= X.min()


@pytest.mark.parametrize("noise", [True, False])
def test_the_noise_of_synthetic_rows(noise: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    rows = AutoModel.rows
    monkeypatch.setattr(oversampling, "RESIDUAL_NOISE", noise)
    monkeypatch.setattr(AutoModel, "rows", lambda *a, **k: asked.append(k["noise"]) or rows(*a, **k))
    quick().fit_resample(numbers(), Y)
    assert asked == [noise, False]  # what was drawn gets no noise again


def test_the_random_state_decides() -> None:
    frame = mixed_frame()
    first, again, other = (quick(random_state=state).fit_resample(frame, Y)[0] for state in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not first["float"].equals(other["float"])
    states = np.random.RandomState(5), np.random.RandomState(5)
    from_states = [quick(random_state=state).fit_resample(frame, Y)[0] for state in states]
    pd.testing.assert_frame_equal(*from_states)
    later = quick(random_state=states[0]).fit_resample(frame, Y)[0]
    assert not later["float"].equals(from_states[0]["float"])


def test_the_random_state_decides_on_every_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []

    def recording(function: Any) -> Any:
        return lambda *args, **kwargs: seeds.append(kwargs["seed"]) or function(*args, **kwargs)

    monkeypatch.setattr(auto_model, "train_vae", recording(auto_model.train_vae))
    for method in ("fit", "sample"):
        monkeypatch.setattr(RiemannianUniformSampler, method, recording(getattr(RiemannianUniformSampler, method)))
    for state in (3, 3, 4):
        quick(random_state=state, sampling_strategy="minority").fit_resample(numbers(), Y)
    assert seeds[:3] == seeds[3:6]
    assert len(set(seeds)) == 6


def test_without_a_random_state_each_time_is_another() -> None:
    first, second = (quick(random_state=None).fit_resample(numbers(), Y)[0] for _ in range(2))
    assert not np.isclose(first[60:], second[60:]).all(1).any()


def test_the_global_random_state_decides_nothing() -> None:
    before = np.random.get_state()  # noqa: NPY002
    results = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        results.append(quick(random_state=None).fit_resample(numbers(), Y)[0])
    np.random.set_state(before)  # noqa: NPY002
    assert not np.isclose(results[0][60:], results[1][60:]).all(1).any()


def test_the_width_of_islands() -> None:
    X = numbers()
    widths = []
    for scale in (0.1, 3.0):
        sampler = quick(model=Identity(), preset="local", island_scale=scale, sampling_strategy={"c": 106})
        widths.append(sampler.fit_resample(X, Y)[0][60:].std())
        assert sampler.sampler_.settings.island_scale == scale
    assert widths[1] > 1.5 * widths[0]


def test_a_class_with_one_row() -> None:
    X = numbers() * 0.5
    X[0] = 6.0
    y = np.array(["z"] + ["a"] * 44 + ["b"] * 15)
    more, labels = quick(model=Identity()).fit_resample(X, y)
    new = more[60:][labels[60:] == "z"]
    assert len(new) == 43
    assert (np.abs(new - 6.0) < 3.0).all()
    assert len(np.unique(new, axis=0)) == 43
    _, labels = quick().fit_resample(X, y)
    assert Counter(labels) == dict.fromkeys("abz", 44)
