"""Exponential and logarithmic maps."""

import math

import pytest
import torch

from riemann_sampler.errors import ArgumentError, ConvergenceWarning
from riemann_sampler.geometry import (
    ConformalMetric,
    InverseMetric,
    OwnMetric,
    distance,
    exponential_map,
    geodesic,
    log_map,
)
from riemann_sampler.geometry.curves import exp_log as maps
from tests.helpers.builders import full_metric, normal
from tests.helpers.geometries import SKEW, constant_metric

ELEMENTS = {"metric": OwnMetric, "inverse": InverseMetric, "conformal": ConformalMetric}


STEPS = 16


@pytest.fixture
def metric():
    return full_metric(6, 2, temperature=2.5)


@pytest.fixture(params=list(ELEMENTS))
def element(request: pytest.FixtureRequest, metric):
    return ELEMENTS[request.param](metric)


def test_in_a_constant_metric_both_maps_are_sums() -> None:
    metric, x, v = constant_metric(SKEW), normal(4, 2, seed=1), normal(4, 2, seed=2)
    torch.testing.assert_close(exponential_map(metric, x, v, n_steps=3), x + v)
    torch.testing.assert_close(log_map(metric, x, x + v), v)


def test_the_exponential_of_the_logarithm_is_the_end(element) -> None:
    a = element.metric.centroids[:4]
    b = a + 0.6 * normal(4, 2, seed=2)
    v = log_map(element, a, b, n_steps=STEPS)
    torch.testing.assert_close(exponential_map(element, a, v, n_steps=STEPS), b, rtol=0, atol=1e-5)
    norm = element.log_norm_and_gradients(a, v)[0].exp()
    torch.testing.assert_close(norm, distance(element, a, b), rtol=1e-4, atol=0)


def test_the_map_runs_along_the_geodesic(element) -> None:
    a, b = element.metric.centroids[:2], element.metric.centroids[:2] + 0.5
    v = log_map(element, a, b, n_steps=STEPS)
    curves = geodesic(element, a, b, n_points=5)
    for i, t in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        torch.testing.assert_close(
            exponential_map(element, a, t * v, n_steps=STEPS), curves.points[:, i], rtol=0, atol=2e-3
        )


def test_speed_is_kept_and_errors_fall_with_the_fourth_power_of_the_step(element) -> None:
    x, v = element.metric.centroids[:4], 0.5 * normal(4, 2, seed=2)
    truth = exponential_map(element, x, v, n_steps=64)
    errors = [(exponential_map(element, x, v, n_steps=n) - truth).norm() for n in (8, 16)]
    assert 8 < errors[0] / errors[1] < 32
    there = exponential_map(element, x, v, n_steps=2 * STEPS)
    back = log_map(element, there, x, n_steps=STEPS)
    speed = element.log_norm_and_gradients(x, v)[0]
    torch.testing.assert_close(element.log_norm_and_gradients(there, back)[0], speed, rtol=0, atol=1e-4)


def test_the_map_is_differentiable(element) -> None:
    x, v = element.metric.centroids[:2].clone().requires_grad_(), (0.3 * normal(2, 2, seed=2)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x, v: exponential_map(element, x, v, n_steps=3), (x, v))


def test_what_does_not_move_stays(element) -> None:
    x, v = element.metric.centroids[:3], normal(3, 2, seed=2)
    v[1] = 0
    there = exponential_map(element, x, v, n_steps=STEPS)
    assert there[1].equal(x[1])
    assert (there[[0, 2]] != x[[0, 2]]).any(1).all()
    torch.testing.assert_close(there[[0, 2]], exponential_map(element, x[[0, 2]], v[[0, 2]], n_steps=STEPS))
    assert not log_map(element, x, x, n_steps=STEPS).any()
    assert exponential_map(element, x, 0 * v, n_steps=STEPS).equal(x)


def test_a_logarithm_that_is_not_found_is_told(metric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps, "NEWTON_STEPS", 0)
    a = metric.centroids[:2]
    with pytest.warns(ConvergenceWarning, match=r"2 of 2 geodesics miss their ends by more than 1e-06"):
        v = log_map(InverseMetric(metric), a, a + 0.5)
    assert torch.isfinite(v).all()
    assert (v.norm(dim=1) > 0).all()


def test_bad_arguments(metric) -> None:
    x = metric.centroids[:2]
    with pytest.raises(ArgumentError, match=r"x and v must have the same shape, row by row; got \(2, 2\) and \(1, 2\)"):
        exponential_map(metric, x, x[:1])
    with pytest.raises(ArgumentError, match=r"v must be finite, but 2 of 2 rows are not"):
        exponential_map(metric, x, x * math.inf)
    with pytest.raises(ArgumentError, match=r"n_steps must be at least 1, got 0"):
        exponential_map(metric, x, x, n_steps=0)
    with pytest.raises(ArgumentError, match=r"b must have shape \(rows, 2\)"):
        log_map(metric, x, x[:, :1])
