"""The benchmark of clusters, where the answer is known, and its command."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import make_moons

from benchmarks.data.datasets import Split
from benchmarks.models.trained import Trained
from benchmarks.studies.clustering import METHODS, main, rows, table
from riemann_sampler import GaussianPosterior
from riemann_sampler.geometry.curves.geodesics import PATH_SCALE
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import TwoHalves, normal


def bench(means: torch.Tensor, labels: np.ndarray, log_variance: float) -> Trained:
    posterior = GaussianPosterior(means, torch.full_like(means, log_variance))
    return Trained(TwoHalves(), Split(means, labels, means, labels), posterior, posterior)


def test_separate_groups_are_found_by_all() -> None:
    labels = np.arange(90) % 3
    centres = torch.tensor([[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], dtype=torch.float64)
    found = rows(bench(centres[labels] + 0.5 * normal(90, 2), labels, -1.0), 60, seed=0)
    assert [row["clusters"] for row in found] == [*METHODS]
    assert {
        row["clusters"]: (row["rand"], row["information"]) for row in found if row["clusters"] != "ours: G itself"
    } == {name: (pytest.approx(1), pytest.approx(1)) for name in METHODS if name != "ours: G itself"}
    unrelated = rows(bench(centres[labels] + 0.5 * normal(90, 2), np.arange(90) // 30, -1.0), 90, seed=0)
    assert all(abs(row["rand"]) < 0.1 for row in unrelated)


def test_bent_groups_are_found_by_what_lies_between_them() -> None:
    points, labels = make_moons(300, noise=0.05, random_state=0)
    found = {row["clusters"]: row["rand"] for row in rows(bench(torch.from_numpy(points), labels, -7.0), 300, seed=0)}
    assert found.pop("ours: ConformalMetric") > 0.95
    assert found.pop("ours: InverseMetric") > 0.75
    assert max(found.values()) < 0.65


def test_codes_are_chosen_at_random_with_their_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(metric: Metric, codes: torch.Tensor, k: int, seed: int) -> np.ndarray:
        seen.append(codes[:, 0].tolist())
        assert (metric.dim, k, seed) == (2, 4, len(seen) - 1)
        return codes[:, 0].long().numpy() % 4

    monkeypatch.setattr("benchmarks.studies.clustering.METHODS", {"spy": spy})
    means = torch.stack([torch.arange(80).double(), normal(80)], 1)
    found = [rows(bench(means, np.arange(80) % 4, -3.0), 30, seed)[0] for seed in range(2)]
    assert [len(set(codes)) for codes in seen] == [30, 30]
    assert seen[0] != seen[1]
    assert [row["rand"] for row in found] == [1, 1]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", "digits", "--quick", "--steps", "60", "--codes", "80"]
    main([*arguments, "--cache", str(tmp_path / "models"), "--output", str(tmp_path)])
    figures = json.loads((tmp_path / "clustering.json").read_text())
    assert [row["clusters"] for row in figures["rows"]] == [*METHODS]
    assert all(-1 <= row["rand"] <= 1 and 0 <= row["information"] <= 1 for row in figures["rows"])
    text = table(figures)
    assert text in capsys.readouterr().out
    assert "Training codes (digits 80)" in text
    assert f"islands {PATH_SCALE:g} posterior deviations wide" in text
