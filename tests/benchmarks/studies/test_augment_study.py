"""The benchmark of augmentation: training sets, methods, intervals and tables; nothing held out is learnt from."""

import json
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import ttest_rel

from benchmarks.data.datasets import load
from benchmarks.reporting.markdown_table import QUICK_NOTICE
from benchmarks.studies.augment import main, run
from benchmarks.studies.augment.classifiers import Judges
from benchmarks.studies.augment.methods import METHODS, Added, Method, Task
from benchmarks.studies.augment.regimes import FEW, N_ADDED, Regime, chosen_rows, wanted
from benchmarks.studies.augment.run import Job, jobs, run_job
from benchmarks.studies.augment.summary import NOTHING, gain, summarized
from benchmarks.studies.augment.tables import all_tables, gains_table, table
from riemann_sampler.augmentation import AutoModel

pytest.importorskip("imblearn")

LABELS = np.repeat([0, 1, 2, 3], [40, 30, 9, 1])


def counts(rows: np.ndarray) -> list[int]:
    return np.bincount(LABELS[rows], minlength=4).tolist()


def test_so_many_of_each_class() -> None:
    rows = chosen_rows(LABELS, Regime(10), seed=0)
    assert counts(rows) == [10, 10, 9, 1]
    assert len(set(rows.tolist())) == len(rows)
    assert set(rows.tolist()) != set(chosen_rows(LABELS, Regime(10), seed=1).tolist())
    assert wanted(LABELS[rows], Regime(10)) == dict.fromkeys(range(4), N_ADDED)


def test_large_and_small_classes() -> None:
    rows = chosen_rows(LABELS, Regime(20, 5), seed=0)
    assert counts(rows) == [20, 20, 4, 1]  # the two largest classes are the large ones
    assert wanted(LABELS[rows], Regime(20, 5)) == {0: 0, 1: 0, 2: 16, 3: 19}
    assert counts(chosen_rows(LABELS, Regime(20, 100), seed=0)) == [20, 20, FEW, 1]


def test_which_of_equal_classes_are_large_is_random() -> None:
    labels = np.repeat(np.arange(6), 10)
    large = {tuple(np.bincount(labels[chosen_rows(labels, Regime(10, 5), seed)])) for seed in range(5)}
    assert len(large) > 1
    assert all(sorted(sizes) == [2, 2, 2, 10, 10, 10] for sizes in large)


def test_training_sets_that_come_to_the_same_are_run_once() -> None:
    todo = jobs(["cancer"], [Regime(10), Regime(5_000), Regime(9_000)], 2, "validation", ("noise",))
    assert [(job.seed, job.regime.name) for job in todo] == [
        *((0, "10 per class"), (0, "5000 per class")),
        *((1, "10 per class"), (1, "5000 per class")),
    ]


class QuickTask(Task):
    """A task whose variational autoencoder is hardly trained."""

    @cached_property
    def model(self) -> AutoModel:
        return AutoModel.fit(self.x, labels=self.y, seed=self.seed, n_steps=60)


@pytest.fixture(scope="module")
def task() -> Task:
    split = load("digits", heldout="validation")
    rows = chosen_rows(split.train_labels, Regime(12), seed=0)
    rows = rows[split.train_labels[rows] < 3]
    y = split.train_labels[rows]
    return QuickTask(split.train[rows].numpy(), y, {0: 5, 1: 0, 2: 8}, 3)


SLOW = {"ours: uniform"}  # its chains
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in METHODS if name != "ADASYN"]


@pytest.mark.parametrize("name", NAMES)
def test_every_method_adds_what_is_wanted(name: str, task: Task) -> None:
    x, y = METHODS[name].augment(task)
    found = np.bincount(y, minlength=3).tolist()
    assert found == [5, 0, 8]
    assert x.shape == (len(y), 1, 8, 8)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert x.min() >= -1e-6
    assert x.max() <= 1 + 1e-6
    copies = (x.reshape(len(x), 1, -1) == task.flat[None]).all(2).any(1)
    assert copies.all() if name == "duplication" else not copies.any()


def test_adasyn_needs_classes_that_touch(task: Task) -> None:
    with pytest.raises(RuntimeError, match="Use SMOTE instead"):
        METHODS["ADASYN"].augment(task)
    mixed = Task(task.x, np.random.default_rng(0).permutation(task.y), task.wanted, 3)
    added = METHODS["ADASYN"].augment(mixed)
    assert abs(len(added.x) - 13) < 4  # it rounds for each example
    assert set(added.y.tolist()) == {0, 2}


def test_methods_see_their_seed(task: Task) -> None:
    other = QuickTask(task.x, task.y, task.wanted, 4)
    for name in ("noise", "shift, turn, zoom", "SMOTE", "ours: calibrated"):
        first, again, changed = (METHODS[name].augment(each).x for each in (task, task, other))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, changed)


@pytest.mark.parametrize("name", ["VAE prior", "SMOTE, filtered"])
def test_the_net_agrees_with_what_it_let_through(name: str, task: Task) -> None:
    """Classes at random: between two of one class there are others."""
    mixed = QuickTask(task.x, np.random.default_rng(0).permutation(task.y), task.wanted, 3)
    x, y = METHODS[name].augment(mixed)
    assert len(x) > 0
    assert (mixed.classifier.predict(x.reshape(len(x), -1)) == y).all()


def test_moved_images_are_moved_copies(task: Task) -> None:
    """Each is nearer to some image of its class than two images usually are, and is none of them."""
    x, y = METHODS["shift, turn, zoom"].augment(task)
    for image, label in zip(x.reshape(len(x), -1), y, strict=True):
        own, others = task.flat[task.y == label], task.flat[task.y != label]
        assert 0 < np.linalg.norm(own - image, axis=1).min() < np.median(np.linalg.norm(others - image, axis=1))


def test_judges_score_what_they_are_given() -> None:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(60, 3)), np.repeat([0, 1], 30)
    x[y == 1] += 8
    judges = Judges(x, x[::2], y[::2], is_images=False, seed=0)
    for scores in judges.scores(x, y).values():
        assert scores == {"accuracy": 1.0, "balanced accuracy": 1.0, "macro F1": 1.0}
    for scores in judges.scores(x, 1 - y).values():
        assert scores["accuracy"] == 0


def test_scores_of_uneven_classes() -> None:
    """Of ten held-out data of class 0 five lie where class 1 is: they are taken for it."""
    x = np.repeat([[0.0], [10.0]], 30, axis=0) + np.random.default_rng(0).normal(size=(60, 1))
    heldout, labels = np.r_[x[:5], x[30:35], x[30:60], x[30:40]], np.repeat([0, 1], [10, 40])
    judges = Judges(x, heldout, labels, is_images=False, seed=0)
    for scores in judges.scores(x, np.repeat([0, 1], 30)).values():
        assert scores["accuracy"] == pytest.approx(45 / 50)
        assert scores["balanced accuracy"] == pytest.approx((0.5 + 1) / 2)
        assert scores["macro F1"] == pytest.approx((2 * 0.5 / 1.5 + 2 * (40 / 45) / (40 / 45 + 1)) / 2)


def test_nothing_held_out_is_learnt_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every row that a method, or the scale of the classifiers, sees is a training row."""
    seen: list[np.ndarray] = []

    def spy(task: Task) -> Added:
        seen.append(task.x)
        return Added(task.x[:2], task.y[:2])

    monkeypatch.setitem(METHODS, "noise", Method(spy))
    split = load("digits")
    run_job(Job("digits", Regime(10), 0, "test", ("noise",)), tmp_path)
    train, heldout = (part.flatten(1).numpy() for part in (split.train, split.heldout))
    rows = seen[0].reshape(len(seen[0]), -1)
    assert len(rows) == 100
    assert (rows[:, None] == train[None]).all(2).any(1).all()
    assert not (rows[:, None] == heldout[None]).all(2).any()


def test_a_method_that_failed_is_tried_again_unless_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried = []

    def lucky(task: Task) -> Added:
        tried.append(task)
        if len(tried) == 1:
            msg = "out of memory"
            raise RuntimeError(msg)
        return Added(task.x[:2], task.y[:2])

    monkeypatch.setitem(METHODS, "noise", Method(lucky))
    monkeypatch.setattr(Judges, "scores", lambda *_: {})
    job = Job("digits", Regime(5), 0, "test", ("noise",))
    failed = {"error": "RuntimeError: out of memory"}
    assert run_job(job, tmp_path)["results"]["noise"] == failed
    assert run_job(job, tmp_path, keep_failures=True)["results"]["noise"] == failed
    assert len(tried) == 1
    assert "error" not in run_job(job, tmp_path)["results"]["noise"]
    run_job(job, tmp_path)
    assert len(tried) == 2


def test_failures_are_told_by_the_status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "run_grid", lambda *_, **__: CELLS)
    with pytest.raises(SystemExit, match="digits, 10 per class, seed 1, SMOTE: ValueError: no"):
        main(["--data", "digits", "--seeds", "1", "--output", str(tmp_path)])
    assert (tmp_path / "tables.md").stat().st_size > 100


def test_the_interval_is_that_of_a_paired_t_test() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 7))
    expected = ttest_rel(a, b).confidence_interval(0.95)
    mean, half = gain((a - b).tolist())
    assert (mean - half, mean + half) == pytest.approx(tuple(expected))
    assert gain([0.25]) == (0.25, None)


def cell(
    seed: int, regime: str, accuracies: dict[str, tuple[float, float] | None], data: str = "digits"
) -> dict[str, Any]:
    """A cell with an accuracy for each classifier, which is the balanced one and F1 too; None failed."""
    results = {
        name: {"error": "ValueError: no"}
        if pair is None
        else {
            "scores": {
                key: dict.fromkeys(("accuracy", "balanced accuracy", "macro F1"), value)
                for key, value in zip(("net", "boosting"), pair, strict=True)
            },
            "authenticity": 0.5,
            "seconds": 1.0,
        }
        for name, pair in accuracies.items()
    }
    del results[NOTHING]["authenticity"]
    known = {"heldout": "test", "n_heldout": 500, "counts": {"0": 10, "1": 9}, "commits": ["abc"]}
    return {"data": data, "regime": regime, "seed": seed, "results": results, **known}


CELLS = [
    cell(0, "10 per class", {NOTHING: (0.5, 0.6), "SMOTE": (0.6, 0.6), "ours: local": (0.7, 0.8)}),
    cell(0, "50 per class", {NOTHING: (0.7, 0.7), "SMOTE": (0.6, 0.7), "ours: local": (0.7, 0.9)}),
    cell(1, "10 per class", {NOTHING: (0.5, 0.6), "SMOTE": None, "ours: local": (0.7, 0.82)}),
    cell(1, "200 per class", {NOTHING: (0.1, 0.1), "SMOTE": (0.9, 0.9), "ours: local": (0.9, 0.9)}),
    cell(0, "1:20", {NOTHING: (0.5, 0.5), "SMOTE": (0.6, 0.6), "ours: local": (0.5, 0.5)}),
    cell(1, "1:20", {NOTHING: (0.5, 0.5), "SMOTE": (0.7, 0.7), "ours: local": (0.5, 0.5)}),
]


def test_gains_are_paired_within_a_seed() -> None:
    few = summarized(CELLS)["gains"]["few"]["rivals"][NOTHING]
    ours = [((0.2 + 0.2) / 2 + (0.0 + 0.2) / 2) / 2, (0.2 + 0.22) / 2]  # of 10 and 50, and of 10 alone
    assert few["ours: local"]["data"]["digits"] == pytest.approx(list(gain(ours)))
    assert few["ours: local"]["all"] == few["ours: local"]["data"]["digits"]
    assert few["ours: local"]["classifiers"]["net"] == pytest.approx(list(gain([0.1, 0.2])))
    assert few["SMOTE"]["data"]["digits"] == [pytest.approx((0.05 - 0.05) / 2), None]  # of the seed that did not fail


def test_ours_against_another() -> None:
    imbalanced = summarized(CELLS)["gains"]["imbalanced"]["rivals"]
    assert imbalanced["SMOTE"]["ours: local"]["all"] == pytest.approx(list(gain([-0.1, -0.2])))


def test_means_over_data_sets_weigh_them_alike() -> None:
    others = [
        cell(seed, "10 per class", {NOTHING: (0.5, 0.5), "SMOTE": (0.5, 0.5), "ours: local": (0.9, 0.9)}, "cancer")
        for seed in (0, 1)
    ]
    found = summarized([*CELLS, *others])["gains"]["few"]["rivals"][NOTHING]["ours: local"]
    assert found["all"][0] == pytest.approx((found["data"]["digits"][0] + found["data"]["cancer"][0]) / 2)


def test_scores_of_failures() -> None:
    rows = summarized(CELLS)["scores"]
    (row,) = [row for row in rows if row["method"] == "SMOTE" and row["regime"] == "10 per class"]
    assert (row["n"], row["n_failed"], row["errors"]) == (1, 1, ["ValueError: no"])
    assert row["scores"]["net"]["accuracy"] == pytest.approx(0.6)
    assert "1, 1 failed" in all_tables({**summarized(CELLS), "environment": {"versions": {}}})


def test_bold_is_what_excludes_zero() -> None:
    summary = {**summarized(CELLS), "environment": {"versions": {"torch": "2"}}}
    lines = gains_table(summary, "imbalanced").splitlines()
    assert "**" not in next(line for line in lines if "SMOTE" in line)  # +15 ± 64
    steady = [cell(s, "10 per class", {NOTHING: (0.5, 0.5), "ours: local": (0.6, 0.6 + s / 100)}) for s in (0, 1)]
    summary = {**summarized(steady), "environment": {"versions": {}}}
    assert "**+10.2 ± 3.2**" in gains_table(summary, "few")
    losing = [cell(s, "10 per class", {NOTHING: (0.6, 0.6 + s / 100), "ours: local": (0.5, 0.5)}) for s in (0, 1)]
    summary = {**summarized(losing), "environment": {"versions": {}}}
    assert "**−10.2 ± 3.2**" in gains_table(summary, "few")
    assert "−10.2" in table(summary)


@pytest.mark.slow
def test_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run, "QUICK", {"data": ["digits", "cancer"], "per_class": [10], "ratios": [20], "seeds": 1})
    arguments = ["--quick", "--methods", "SMOTE", "noise", "ours: local", "--workers", "1", "--output", str(tmp_path)]
    fit = AutoModel.fit
    monkeypatch.setattr(AutoModel, "fit", partial(fit, n_steps=60))
    main(arguments)
    assert {path.name for path in tmp_path.iterdir()} == {"cells", "summary.json", "tables.md", "gains.png"}
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert list(summary["data"]) == ["digits", "cancer"]
    assert (tmp_path / "tables.md").read_text().count(QUICK_NOTICE) == 2
    files = sorted(tmp_path.rglob("seed*.json"))
    assert len(files) == 4  # two data sets, two training sets
    before = [path.stat().st_mtime_ns for path in files]
    main(arguments)
    assert [path.stat().st_mtime_ns for path in files] == before
    assert json.loads((tmp_path / "summary.json").read_text())["scores"] == summary["scores"]
