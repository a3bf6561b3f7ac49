"""`RiemannianOverSampler`: what it adds, and what it leaves alone."""

import subprocess
import sys
import time
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.linear_model import LogisticRegression

import riemann_sampler
from benchmarks.harness.snapshots import traces
from riemann_sampler import (
    ArgumentError,
    CollapseWarning,
    DataError,
    RiemannianOverSampler,
    RiemannianUniformSampler,
    UnsupportedModelError,
)
from riemann_sampler.augmentation import auto_model, oversampling
from riemann_sampler.augmentation.auto_model import AutoModel
from tests.augmentation.test_table_codec import mixed_frame
from tests.helpers.models import make_plain_vae
from tests.helpers.oversampling_cases import Identity, Y, numbers, quick, rng


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


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_trained_model(dtype: type) -> None:
    model = Identity()
    X = numbers().astype(dtype)
    sampler = quick(model=model, sampling_strategy="minority")
    more, _ = sampler.fit_resample(X, Y)
    assert sampler.model_ is model
    assert set(model.seen) == {torch.float32}
    assert (more.dtype, more.shape) == (X.dtype, (94, 4))
    np.testing.assert_array_equal(more[:60], X)
    frame = pd.DataFrame(X, columns=list("wxyz"), index=np.arange(60) / 7)
    more_frame, _ = sampler.fit_resample(frame, Y)
    assert more_frame.dtypes.tolist() == frame.dtypes.tolist()
    np.testing.assert_array_equal(more_frame.to_numpy(), more)


def test_a_model_of_ours_that_is_trained_already() -> None:
    frame = mixed_frame()
    model = AutoModel.fit(frame, n_steps=5)
    sampler = quick(model=model)
    more, _ = sampler.fit_resample(frame, Y)
    assert sampler.model_ is model
    assert more.dtypes.tolist() == frame.dtypes.tolist()
    pd.testing.assert_frame_equal(more, clone(sampler).fit_resample(frame, Y)[0])


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the model is not trained
def test_a_trained_network_stays_as_it_was() -> None:
    model = make_plain_vae()
    before = traces(model)
    images = rng().random((60, 1, 8, 8))
    sampler = quick(model=model)
    more, _ = sampler.fit_resample(images, Y)
    assert more.shape == (120, 1, 8, 8)
    assert traces(model) == before
    copy = clone(sampler)
    assert copy.model is not model
    np.testing.assert_array_equal(copy.fit_resample(images, Y)[0], more)


def test_a_trained_model_warns_of_idle_units() -> None:
    """Its user could mend them; those of ``model="auto"`` are passed over in silence."""
    X = numbers()
    X[:, 0] = 1e-6 * X[:, 1]
    with pytest.warns(CollapseWarning):
        quick(model=Identity(spread=0.99)).fit_resample(X, Y)


def test_a_model_that_decodes_another_shape() -> None:
    model = Identity()
    model.decode = lambda z: z[:, None, :2]
    with pytest.raises(DataError, match=r"^model decodes to shape \(1, 2\), but a row of X has shape \(4,\): reshape"):
        quick(model=model).fit_resample(numbers(), Y)


@pytest.mark.parametrize(
    ("X", "dtype"),
    [
        (rng().integers(0, 255, (60, 4)).astype(np.uint8), "uint8"),
        (pd.DataFrame(numbers(), columns=list("wxyz")).assign(word="x"), "object"),
    ],
)
def test_a_trained_model_needs_floating_point_rows(X: Any, dtype: str) -> None:
    with pytest.raises(DataError, match=rf"^model is a trained one, .* but X holds {dtype}: give X as the model was"):
        quick(model=Identity()).fit_resample(X, Y)


def test_an_unknown_model() -> None:
    with pytest.raises(UnsupportedModelError, match=r"No adapter for a model of type str"):
        quick(model="automatic").fit_resample(numbers(), Y)


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


def test_all_columns_constant() -> None:
    with pytest.raises(DataError, match=r"^every column of X is constant in its 60 rows"):
        quick().fit_resample(np.ones((60, 3)), Y)


@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_missing_cells(method: str) -> None:
    X = numbers()
    X[9, 2] = np.nan
    with pytest.raises(DataError, match=r"^X must have no NaN and no infinite cells, but row 9 of column 2 holds nan;"):
        getattr(quick(), method)(X, Y)
    with pytest.raises(ValueError, match=r"Input contains NaN"):
        getattr(quick(), method)(sparse.csr_matrix(X), Y)


def test_labels_of_another_number() -> None:
    with pytest.raises(ValueError, match=r"^Found input variables with inconsistent numbers of samples: \[60, 59\]"):
        quick().fit_resample(numbers(), Y[:-1])


def test_one_class() -> None:
    with pytest.raises(ValueError, match=r"needs to have more than 1 class\. Got 1 class"):
        quick().fit_resample(numbers(), ["a"] * 60)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (
            {"b": 13},
            r"should be greater or equal to the original number of samples\. Originally, there is 14 .* 13 sam",
        ),
        ({"d": 50}, r"The {'?\w*\(?'d'\)?} target class is/are not present in the data"),
        (0.5, r'"sampling_strategy" can be a float only when the type of target is binary'),
        ("majority", r"The 'sampling_strategy' parameter of RiemannianOverSampler must be "),
    ],
)
def test_strategies_that_cannot_be_met(strategy: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quick(sampling_strategy=strategy).fit_resample(numbers(), Y)


def test_columns_that_are_not_there() -> None:
    with pytest.raises(ArgumentError, match=r"^categorical_features has 'z', which is neither"):
        quick(categorical_features=["z"]).fit_resample(pd.DataFrame(numbers()), Y)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("preset", "smooth"),
        ("min_distance", 0.0),
        ("min_distance", "far"),
        ("classifier", 3),
        ("classifier", "net"),
        ("island_scale", 0),
        ("island_scale", "wide"),
        ("latent_dim", 0),
        ("n_steps", 1.5),
        ("categorical_features", "x"),
        ("random_state", "x"),
    ],
)
def test_arguments_that_cannot_be_used(argument: str, value: Any) -> None:
    sampler = quick().set_params(**{argument: value})
    with pytest.raises(ValueError, match=rf"^The '{argument}' parameter of RiemannianOverSampler must be "):
        sampler.fit_resample(numbers(), Y)


def test_it_is_there_when_asked_for() -> None:
    assert riemann_sampler.RiemannianOverSampler is oversampling.RiemannianOverSampler
    assert "RiemannianOverSampler" in riemann_sampler.__all__
    assert "RiemannianOverSampler" in dir(riemann_sampler)
    assert "Metric" not in dir(riemann_sampler)
    with pytest.raises(AttributeError, match=r"^module 'riemann_sampler' has no attribute 'Riemannian'$"):
        riemann_sampler.Riemannian  # noqa: B018


WITHOUT_IMBALANCED_LEARN = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "imblearn":
            raise ModuleNotFoundError(name)

import riemann_sampler
if "imblearn" in sys.modules:
    sys.exit("imbalanced-learn was imported before it was needed")
for name in [name for name in sys.modules if name.startswith("riemann_sampler")]:
    del sys.modules[name]

import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "imblearn" else find_spec(name, *rest)
sys.meta_path.insert(0, Hidden())
from riemann_sampler import *

try:
    from riemann_sampler import RiemannianOverSampler
except ImportError as error:
    sys.exit(0 if 'pip install "riemann-sampler[imblearn]"' in str(error) else str(error))
sys.exit("it was imported")
"""


def test_imbalanced_learn_is_optional() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_IMBALANCED_LEARN], check=True)


@pytest.mark.slow
def test_its_speed() -> None:
    X, y = make_classification(5000, 30, n_informative=10, n_classes=3, weights=[0.7, 0.2, 0.1], random_state=0)
    start = time.perf_counter()
    more, _ = RiemannianOverSampler(random_state=0).fit_resample(X, y)
    assert time.perf_counter() - start < 60
    assert len(more) == 3 * np.bincount(y).max()
