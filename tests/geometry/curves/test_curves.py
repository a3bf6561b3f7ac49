"""Lines that need no search, splines, and polylines divided evenly."""

import math

import torch

from riemann_sampler import DiagonalMetric
from riemann_sampler.geometry import spherical, straight
from riemann_sampler.geometry.curves.curves import leaves_data
from riemann_sampler.geometry.curves.splines import Splines, divide
from tests.helpers.builders import diagonal_metric, normal


def test_straight_lines() -> None:
    a, b = normal(3, 4, seed=1), normal(3, 4, seed=2)
    line = straight(a, b, 5)
    assert line.shape == (3, 5, 4)
    torch.testing.assert_close(line[:, 1], 0.75 * a + 0.25 * b)
    assert line[:, 0].equal(a)
    assert line[:, -1].equal(b)


def test_spherical_lines_are_great_circles_with_linear_radii() -> None:
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]])
    half = math.sqrt(0.5)
    expected = torch.tensor([[[2.0, 0.0], [3 * half, 3 * half], [0.0, 4.0]]])
    torch.testing.assert_close(spherical(a, b, 3), expected)


def test_spherical_lines_without_a_circle_are_straight() -> None:
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    b = torch.tensor([[3.0, 0.0], [-2.0, 0.0], [1.0, 1.0]])
    assert spherical(a, b, 4)[:2].equal(straight(a, b, 4)[:2])
    assert torch.isfinite(spherical(a, b, 4)).all()


def test_splines_reproduce_cubics() -> None:
    splines = Splines(7, torch.zeros((), dtype=torch.float64))
    t = torch.linspace(0, 1, 7, dtype=torch.float64)[:, None]
    knots = t**3 - 2 * t
    dense = torch.linspace(0, 1, 50, dtype=torch.float64)[:, None]
    torch.testing.assert_close(splines.along(50) @ knots, dense**3 - 2 * dense)
    torch.testing.assert_close((splines.weights @ (splines.positions @ knots)).item(), 0.25 - 1)
    torch.testing.assert_close((splines.weights @ (splines.velocities @ knots)).item(), -1.0)
    torch.testing.assert_close((splines.start_velocity @ knots).item(), -2.0)


def test_two_knots_are_a_line() -> None:
    splines = Splines(2, torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(splines.along(3), torch.tensor([[1, 0], [0.5, 0.5], [0, 1]], dtype=torch.float64))


def test_polylines_are_divided_evenly() -> None:
    corners = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 3.0]], [[0.0, 0.0], [2.0, 0.0], [2.0, 0.0]]])
    found = divide(corners, corners.diff(dim=1).norm(dim=2), 5)
    torch.testing.assert_close(found[0], torch.tensor([[0.0, 0], [1, 0], [1, 1], [1, 2], [1, 3]]))
    torch.testing.assert_close(found[1], torch.tensor([[0.0, 0], [0.5, 0], [1, 0], [1.5, 0], [2, 0]]))
    weighted = divide(corners[:1], torch.tensor([[3.0, 1.0]]), 5)
    torch.testing.assert_close(weighted[0, 3], torch.tensor([1.0, 0.0]))


def test_voids_are_where_the_floor_is_the_metric() -> None:
    metric = diagonal_metric(3, 4)
    lines = torch.stack([metric.centroids[:1].expand(2, 4), torch.cat([metric.centroids[:1], normal(1, 4) + 50])])
    assert leaves_data(metric, lines).tolist() == [False, True]


def test_the_floor_decays() -> None:
    """At (5, 0) the metric is 0.0078, more than the floor there, less than the floor at the origin."""
    centroid = torch.zeros(1, 2, dtype=torch.float64)
    metric = DiagonalMetric(centroid, centroid + 0.01, temperature=1.0, regularization=0.05, decay=0.5)
    assert leaves_data(metric, torch.tensor([[[5.0, 0.0]], [[0.0, 0.0]]], dtype=torch.float64)).tolist() == [
        False,
        True,
    ]
