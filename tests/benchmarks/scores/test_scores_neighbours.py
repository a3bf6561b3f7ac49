"""Precision, recall, density and coverage against prdc and counts by hand."""

import numpy as np
import pytest
from prdc import compute_prdc

from benchmarks import scores
from benchmarks.scores import distances
from tests.helpers.score_features import normal

NAMES = ["precision", "recall", "density", "coverage"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6])
def test_agrees_with_prdc(name: str, k: int, scale: float) -> None:
    real, generated = normal(90, 4, 0), normal(140, 4, 1, shift=0.3, scale=scale)
    expected = compute_prdc(real, generated, nearest_k=k)[name]
    assert expected > 0
    assert getattr(scores, name)(real, generated, k) == pytest.approx(expected, rel=1e-12)


def test_five_neighbours_unless_told() -> None:
    real, generated = normal(90, 4, 0), normal(140, 4, 1)
    for name, expected in compute_prdc(real, generated, nearest_k=5).items():
        assert getattr(scores, name)(real, generated) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_counted_by_hand(shift: float) -> None:
    """Real radii 1, 1, 2; -1 and 5 lie on spheres, hence in no ball, 0.5 in two and 2.5 in one."""
    real = shift + np.array([[0.0], [1], [3]])
    generated = shift + np.array([[-1.0], [0.5], [5], [2.5]])
    assert scores.precision(real, generated, 1) == 2 / 4
    assert scores.density(real, generated, 1) == 3 / 4
    assert scores.coverage(real, generated, 1) == 1
    assert scores.coverage(real, generated[[0, 2]], 1) == 0
    assert scores.recall(real, generated, 1) == 1  # radii 1.5, 1.5, 2.5, 2
    assert scores.recall(real, generated[:2], 1) == 2 / 3  # radii 1.5: 0 and 1
    assert scores.recall(real, np.array([[-1.0], [0.0]]) + shift, 1) == 1 / 3  # radii 1: 1 lies on a sphere


@pytest.mark.parametrize("shift", [0.0, 1e3])
@pytest.mark.parametrize("dim", [1, 64])
def test_the_fifth_neighbour_lies_on_the_sphere_not_in_the_ball(dim: int, shift: float) -> None:
    """So each of these points lies in five balls, its own among them, on average."""
    x = normal(400, dim, 0, shift=shift)
    assert scores.density(x, x) == 1
    assert scores.coverage(x, x) == 1


def test_balls_of_twins_are_empty() -> None:
    real = np.concatenate([np.zeros((6, 2)), normal(20, 2, 0, shift=100.0)])
    assert scores.precision(real, np.zeros((10, 2))) == 0
    assert scores.recall(np.zeros((10, 2)), real) == 0
    assert scores.coverage(real, real) == 20 / 26
    alike = np.full((10, 2), 3.0)
    assert [getattr(scores, name)(alike, alike) for name in NAMES] == [0, 0, 0, 0]


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    real, generated = normal(300, 4, 0), normal(400, 4, 1)
    whole = [getattr(scores, name)(real, generated) for name in NAMES]
    monkeypatch.setattr(distances, "BLOCK_ELEMENTS", 1000)
    assert [getattr(scores, name)(real, generated) for name in NAMES] == whole
