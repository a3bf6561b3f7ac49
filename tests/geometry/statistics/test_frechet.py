"""Fréchet means: where they are known, that nothing nearby is better, and what is refused."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from riemann_sampler import DiagonalMetric
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.geometry import ConformalMetric, InverseMetric, LineElement, OwnMetric, distance, log_map
from riemann_sampler.geometry.statistics import frechet as means
from riemann_sampler.geometry.statistics.frechet import frechet_mean
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import diagonal_metric, full_metric, normal
from tests.helpers.geometries import SKEW, constant_metric

WEIGHTS = torch.tensor([1.0, 5.0, 0.5, 2.0, 0.0, 1.0], dtype=torch.float64)


def wide_metric() -> Metric:
    """Curved, but so gently that shortest curves are unique."""
    return full_metric(dim=2, temperature=3.0)


def mean_square(metric: Metric | LineElement, x: Tensor, points: Tensor, weights: Tensor) -> float:
    distances = distance(metric, x.expand(len(points), -1).contiguous(), points)
    return (weights @ distances.square() / weights.sum()).item()


@pytest.mark.parametrize("element", [OwnMetric, InverseMetric, ConformalMetric])
def test_in_a_constant_metric_it_is_the_weighted_mean(element: type[LineElement]) -> None:
    points = normal(6, 2, seed=1)
    found = frechet_mean(element(constant_metric(SKEW)), points, weights=WEIGHTS, tol=1e-6)
    mean = WEIGHTS @ points / WEIGHTS.sum()
    assert found.converged
    torch.testing.assert_close(found.point, mean, rtol=0, atol=1e-5)
    away = points - mean
    G = {OwnMetric: SKEW, InverseMetric: SKEW.inverse(), ConformalMetric: torch.eye(2) / SKEW.det()}[element]
    squares = torch.einsum("ni,ij,nj->n", away, G.double(), away)
    torch.testing.assert_close(found.variance, WEIGHTS @ squares / WEIGHTS.sum(), rtol=1e-5, atol=0)


def test_in_one_dimension_it_is_the_mean_arc_length() -> None:
    metric = diagonal_metric(k=2, dim=1, regularization=0.05)
    points = 2 * normal(6, 1, seed=3)
    z = torch.linspace(-8, 8, 100_001, dtype=torch.float64)
    arc_length = torch.cumulative_trapezoid(metric.log_volume(z[:, None]).exp(), z)
    of_points = np.interp(points[:, 0], z[1:], arc_length)
    expected = np.interp(np.average(of_points, weights=WEIGHTS), arc_length, z[1:])
    found = frechet_mean(metric, points, weights=WEIGHTS, tol=1e-5)
    assert found.converged
    assert found.point.item() == pytest.approx(expected, abs=1e-4)
    variance = np.average((of_points - np.average(of_points, weights=WEIGHTS)) ** 2, weights=WEIGHTS)
    assert found.variance.item() == pytest.approx(variance, rel=1e-4)
    assert abs(found.point.item() - np.average(points[:, 0], weights=WEIGHTS)) > 0.03  # not the Euclidean one


@pytest.mark.slow
def test_logarithms_sum_to_nothing_there_and_all_around_is_worse() -> None:
    metric, points, weights = wide_metric(), normal(4, 2, seed=3), WEIGHTS[:4]
    found = frechet_mean(metric, points, weights=weights)
    assert found.converged
    logs = log_map(metric, found.point.expand(4, -1), points)
    assert (weights @ logs).norm() < 2e-3 * (weights @ logs.norm(dim=1))
    assert mean_square(metric, found.point, points, weights) == pytest.approx(found.variance.item(), rel=1e-5)
    for angle in torch.arange(4) * math.pi / 2:
        around = found.point + 0.1 * torch.stack([angle.cos(), angle.sin()])
        assert mean_square(metric, around, points, weights) > found.variance.item()


def test_it_stays_on_the_data() -> None:
    """Half a ring: its Fréchet mean is the top of it, where the Euclidean mean is in the void."""
    angles = torch.linspace(0, math.pi, 41, dtype=torch.float64)
    ring = torch.stack([angles.cos(), angles.sin()], 1)
    metric = DiagonalMetric(ring, torch.full_like(ring, 100.0), temperature=1.5, regularization=1e-4, decay=1e-3)
    found = frechet_mean(InverseMetric(metric), ring[::4])
    assert found.converged
    torch.testing.assert_close(found.point, torch.tensor([0.0, 1.0], dtype=torch.float64), rtol=0, atol=0.05)
    assert ring[::4].mean(0).norm() < 0.7


def test_it_is_no_worse_than_any_of_the_points() -> None:
    metric, points = wide_metric(), normal(5, 2, seed=4)
    ones = torch.ones(5, dtype=torch.float64)
    assert frechet_mean(metric, points).variance < min(mean_square(metric, point, points, ones) for point in points)


def test_weights_count_by_their_shares() -> None:
    metric, points = wide_metric(), normal(6, 2, seed=3)
    one = frechet_mean(metric, points, weights=WEIGHTS)
    for weights, some in [
        (10 * WEIGHTS, points),
        (WEIGHTS.float(), points),
        (WEIGHTS[WEIGHTS > 0], points[WEIGHTS > 0]),
    ]:
        other = frechet_mean(metric, some, weights=weights)
        torch.testing.assert_close(other.point, one.point, rtol=0, atol=2e-3)
        torch.testing.assert_close(other.variance, one.variance, rtol=1e-4, atol=0)
    alike = frechet_mean(metric, points, weights=torch.ones(6))
    assert torch.equal(frechet_mean(metric, points).point, alike.point)
    assert (alike.point - one.point).norm() > 0.1


def test_of_one_point_it_is_the_point() -> None:
    metric, points = wide_metric(), normal(1, 2)
    for some in (points, points.expand(4, -1)):
        found = frechet_mean(metric, some)
        assert torch.equal(found.point, points[0])
        assert found.variance == 0
        assert found.converged


def test_too_few_steps_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    metric, points = wide_metric(), normal(6, 2, seed=3)
    stopped = frechet_mean(metric, points, weights=WEIGHTS, max_iter=1, tol=1e-4)
    assert not stopped.converged
    assert stopped.variance > frechet_mean(metric, points, weights=WEIGHTS, tol=1e-4).variance
    monkeypatch.setattr(means, "STEP_LENGTHS", ())  # as where no step is downhill
    assert not frechet_mean(metric, points, weights=WEIGHTS).converged


def test_steps_that_overshoot_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    metric, points = wide_metric(), normal(6, 2, seed=3)
    expected = frechet_mean(metric, points)
    monkeypatch.setattr(means, "STEP_LENGTHS", tuple(8 * length for length in means.STEP_LENGTHS))
    found = frechet_mean(metric, points)
    assert found.converged
    torch.testing.assert_close(found.point, expected.point, rtol=0, atol=0.01)


def test_points_keep_their_type_and_gradients_do_not_matter() -> None:
    metric, points = wide_metric(), normal(6, 2, seed=3)
    expected = frechet_mean(metric, points)
    with torch.no_grad():
        single = frechet_mean(metric, points.float().requires_grad_())
    assert single.point.dtype == single.variance.dtype == torch.float32
    assert not single.point.requires_grad
    torch.testing.assert_close(single.point.double(), expected.point, rtol=0, atol=1e-3)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"points": torch.zeros(3)}, ArgumentError, r"points must have shape \(rows, 3\), none of it 0; got \(3,\)\."),
        ({"points": torch.zeros(0, 3)}, ArgumentError, r"points must have shape \(rows, 3\), none of it 0"),
        ({"points": torch.full((4, 3), torch.nan)}, ArgumentError, r"points must be finite, but 4 of 4 rows are not"),
        ({"points": [[0.0] * 3]}, ArgumentTypeError, r"points must be a floating-point tensor, got list\."),
        ({"weights": torch.ones(3)}, ArgumentError, r"weights must have shape \(4,\), one for each .*; got \(3,\)\."),
        (
            {"weights": torch.ones(4, 1)},
            ArgumentError,
            r"weights must have shape \(4,\), one for each .*; got \(4, 1\)",
        ),
        ({"weights": [1.0] * 4}, ArgumentTypeError, r"weights must be a floating-point tensor, got list\."),
        ({"weights": torch.ones(4).long()}, ArgumentTypeError, r"weights must be a floating.* got torch\.int64\."),
        ({"weights": -torch.ones(4)}, ArgumentError, r"none negative and not all zero; the least is -1 and their sum"),
        ({"weights": torch.tensor([3.0, -1.0, 0, 0])}, ArgumentError, r"none negative .*; the least is -1"),
        ({"weights": torch.zeros(4)}, ArgumentError, r"not all zero; the least is 0 and their sum 0\."),
        ({"weights": torch.full((4,), torch.inf)}, ArgumentError, r"weights must be finite, .* their sum inf\."),
        ({"max_iter": 0}, ArgumentError, r"max_iter must be at least 1, got 0\."),
        ({"tol": 0.0}, ArgumentError, r"tol must be positive and finite, got 0\.0\."),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        frechet_mean(diagonal_metric(), **{"points": normal(4, 3), **arguments})
