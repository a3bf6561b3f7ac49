"""Shortest paths on graphs of positions."""

import itertools

import numpy as np
import pytest
import torch

from riemann_sampler.geometry import ConformalMetric, InverseMetric, OwnMetric, distance
from riemann_sampler.geometry.curves.graph import graph_distances, polylines, straight_log_lengths
from riemann_sampler.geometry.curves.shortest import _start
from tests.helpers.builders import diagonal_metric, normal
from tests.helpers.geometries import SKEW, constant_metric


def test_straight_lengths() -> None:
    a, b = normal(4, 2, seed=1), normal(4, 2, seed=2)
    exact = torch.einsum("ni,ij,nj->n", b - a, SKEW, b - a).sqrt()
    torch.testing.assert_close(straight_log_lengths(OwnMetric(constant_metric(SKEW)), a, b).exp(), exact)
    element = InverseMetric(diagonal_metric(6, 2))
    parts = [torch.lerp(a, b, t) for t in np.linspace(0, 1, 501).tolist()]
    pieces = [
        element.log_norm_and_gradients((one + other) / 2, other - one)[0].exp()
        for one, other in itertools.pairwise(parts)
    ]
    torch.testing.assert_close(straight_log_lengths(element, a, b).exp(), sum(pieces), rtol=1e-4, atol=0)


def test_graph_distances_are_at_least_the_true_ones_and_not_far_off() -> None:
    metric = diagonal_metric(10, 2, temperature=3.0)
    points = normal(150, 2, seed=5)
    found = torch.from_numpy(graph_distances(InverseMetric(metric), points))
    torch.testing.assert_close(found, found.T)
    assert not found.diagonal().any()
    some = torch.arange(0, 150, 40)
    true = distance(InverseMetric(metric), points[some], points[some], pairwise=True)
    ratio = (found[some][:, some] / true).fill_diagonal_(1)
    assert (ratio > 0.999).all()
    assert (ratio < 1.15).all()


def test_clusters_far_apart_are_connected() -> None:
    points = torch.cat([normal(20, 2, seed=1), 100 + normal(20, 2, seed=2), normal(1, 2).expand(15, 2)])
    found = graph_distances(OwnMetric(constant_metric(torch.eye(2, dtype=torch.float64))), points, n_neighbors=3)
    assert np.isfinite(found).all()
    true = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").numpy()
    assert (found >= true * (1 - 1e-9) - 1e-9).all()
    assert (found[:20, 20:40] <= 1.2 * true[:20, 20:40]).all()


def test_lengths_of_any_magnitude_keep_their_order() -> None:
    metric = diagonal_metric(8, 12, spread=6.0, regularization=1e-30, decay=1e-3)
    found = graph_distances(ConformalMetric(metric, 1.0), metric.centroids, n_neighbors=2)
    assert np.isfinite(found).all()
    assert (found[~np.eye(8, dtype=bool)] > 0).all()


@pytest.mark.parametrize("regularization", [1e-250, 1e250])
def test_lengths_beyond_the_range_of_floats_have_a_common_factor(regularization) -> None:
    far = 1e4 + normal(6, 4, seed=1)
    metric = diagonal_metric(3, 4, regularization=regularization, decay=1e-15)
    found = graph_distances(ConformalMetric(metric, 2.0), far)
    apart = ~np.eye(6, dtype=bool)
    assert (found[apart] > 0).all()
    assert np.isfinite(found).all()
    ratio = found[apart] / torch.cdist(far, far).numpy()[apart]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-3)


def test_paths_go_over_nodes_and_belong_to_their_pair_alone() -> None:
    metric = diagonal_metric(40, 2, temperature=3.0)
    element = ConformalMetric(metric, 1.0)
    a, b = 2 * normal(6, 2, seed=7), 2 * normal(6, 2, seed=8)
    together = polylines(element, metric.centroids, a, b)
    for row, corners in enumerate(together):
        np.testing.assert_array_equal(corners[0], a[row])
        np.testing.assert_array_equal(corners[-1], b[row])
        assert all((metric.centroids.numpy() == corner).all(1).any() for corner in corners[1:-1])
        alone = polylines(element, metric.centroids, a[row : row + 1], b[row : row + 1])[0]
        np.testing.assert_array_equal(alone, corners)
    assert any(len(corners) > 3 for corners in together)
    for there, back in zip(together, polylines(element, metric.centroids, b, a), strict=True):
        np.testing.assert_array_equal(there, back[::-1])


def test_starts_are_divided_evenly() -> None:
    metric = diagonal_metric(40, 2, temperature=3.0)
    a, b = 2 * normal(3, 2, seed=7), 2 * normal(3, 2, seed=8)
    knots = _start(ConformalMetric(metric, 1.0), a, b, 30)
    assert knots[:, 0].equal(a)
    torch.testing.assert_close(knots[:, -1], b)
    steps = knots.diff(dim=1).norm(dim=2)
    assert (steps <= steps.amax(1, keepdim=True)).all()
    assert (steps.median(1).values > 0.95 * steps.amax(1)).all()  # shorter only around corners
