"""Geodesics, interpolations and distances against what is known: straight lines, grids, symmetries."""

import math

import pytest
import torch

from riemann_sampler import DiagonalMetric, FullMetric
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.geometry import (
    ConformalMetric,
    InverseMetric,
    OwnMetric,
    distance,
    geodesic,
    interpolate,
    straight,
    widen,
)
from riemann_sampler.geometry.curves import shortest as search
from riemann_sampler.metric.islands import floor_share, island_scale
from tests.helpers.builders import diagonal_metric, full_metric, normal
from tests.helpers.dijkstra import grid_distances
from tests.helpers.geometries import SKEW, constant_metric

ELEMENTS = {
    "metric": OwnMetric,
    "inverse": InverseMetric,
    "conformal": lambda metric: ConformalMetric(metric, 1.0),
}


def horseshoe(structure=DiagonalMetric, radius=3.0):
    """Islands along three quarters of a circle: a hole within, a gap in the last quarter."""
    angle = torch.linspace(0, 1.5 * math.pi, int(4 * radius), dtype=torch.float64)
    centroids = radius * torch.stack([angle.cos(), angle.sin()], 1)
    precisions = torch.full_like(centroids, 4.0)
    if structure is FullMetric:
        precisions = torch.diag_embed(precisions)
    return structure(centroids, precisions, temperature=2.0, regularization=1e-2, decay=1e-2)


def two_islands():
    centroids = torch.tensor([[-2.0, 0.0], [2.0, 0.5]], dtype=torch.float64)
    precisions = torch.tensor([[4.0, 1.0], [1.0, 4.0]], dtype=torch.float64)
    return DiagonalMetric(centroids, precisions, temperature=1.5, regularization=1e-2, decay=1e-2)


def far_ends(metric, n=5, seed=0):
    """Pairs of positions near two different centroids each."""
    k = metric.quadratics.n_centroids
    order = torch.randperm(k, generator=torch.Generator().manual_seed(seed))
    noise = 0.1 * normal(2 * n, metric.dim, seed=seed)
    at = metric.centroids[order.repeat(2 * n)[: 2 * n]] + noise
    return at[:n], at[n:]


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_curves_in_a_constant_metric_are_straight(element) -> None:
    metric = constant_metric(SKEW)
    a, b = normal(4, 2, seed=1), normal(4, 2, seed=2)
    curves = geodesic(element(metric), a, b, n_points=11)
    torch.testing.assert_close(curves.points, straight(a, b, 11), rtol=0, atol=1e-5)
    assert curves.converged.all()
    matrix = {"OwnMetric": SKEW, "InverseMetric": SKEW.inverse()}.get(
        type(element(metric)).__name__, torch.eye(2, dtype=torch.float64) / SKEW.det()
    )
    expected = torch.einsum("ni,ij,nj->n", b - a, matrix, b - a).sqrt()
    torch.testing.assert_close(curves.cost, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("norm", ELEMENTS)
@pytest.mark.parametrize(("make", "half_width"), [(horseshoe, 4.5), (two_islands, 4.0)], ids=["horseshoe", "islands"])
def test_distances_are_those_on_a_fine_grid(norm, make, half_width) -> None:
    metric = make()
    ends = metric.centroids[:: 11 if make is horseshoe else 1]
    ends = torch.cat([ends, torch.tensor([[0.3, 1.1], [-1.0, -2.0]], dtype=torch.float64)])
    nodes, expected = grid_distances(metric, norm, ends, half_width=half_width, n=91)
    found = distance(ELEMENTS[norm](metric), nodes, nodes, pairwise=True)
    ratio = (found / torch.from_numpy(expected)).fill_diagonal_(1)
    assert (ratio - 1).abs().max() < 0.02
    assert found.diagonal().eq(0).all()


def test_curves_go_around_the_hole_or_through_it() -> None:
    """The gap is the short way for the metric itself, which is small there; the islands for the others."""
    metric = horseshoe(radius=5.0)
    a, b = metric.centroids[:1], metric.centroids[-1:]
    heights = {name: geodesic(make(metric), a, b).points[0, :, 1].max() for name, make in ELEMENTS.items()}
    assert heights["metric"] < 0.5
    assert heights["inverse"] > 4
    assert heights["conformal"] > 4


def test_interpolations_are_geodesics_of_the_conformal_metric_at_constant_latent_speed() -> None:
    metric = horseshoe()
    a, b = metric.centroids[:2], metric.centroids[[7, 9]]
    ours, other = interpolate(metric, a, b, exponent=0.7, n_points=40), geodesic(ConformalMetric(metric, 0.7), a, b)
    torch.testing.assert_close(ours.log_cost, other.log_cost)
    steps = ours.points.diff(dim=1).norm(dim=2)
    torch.testing.assert_close(steps, steps.mean(1, keepdim=True).expand_as(steps), rtol=1e-3, atol=0)
    assert interpolate(metric, a, b).log_cost.equal(geodesic(ConformalMetric(metric), a, b).log_cost)


def test_geodesics_have_constant_speed() -> None:
    metric = horseshoe()
    points = geodesic(InverseMetric(metric), metric.centroids[:1], metric.centroids[8:9], n_points=200).points[0]
    middle, step = (points[1:] + points[:-1]) / 2, points.diff(dim=0)
    speed = InverseMetric(metric).log_norm_and_gradients(middle, step)[0].exp()
    torch.testing.assert_close(speed, speed.mean().expand_as(speed), rtol=1e-2, atol=0)


@pytest.mark.parametrize("element", ELEMENTS.values(), ids=ELEMENTS)
def test_distances_are_symmetric_and_obey_the_triangle_inequality(element) -> None:
    metric = full_metric(8, 2, temperature=2.0)
    points = 1.5 * normal(5, 2, seed=3)
    found = distance(element(metric), points, points, pairwise=True)
    torch.testing.assert_close(found, found.T, rtol=1e-3, atol=0)
    assert (found[:, :, None] <= (found[:, None, :] + found.T[None]) * 1.001).all()


def test_a_full_metric_of_diagonal_precisions_is_the_diagonal_metric() -> None:
    a, b = horseshoe().centroids[:3], horseshoe().centroids[5:8]
    for make in ELEMENTS.values():
        one, other = (geodesic(make(horseshoe(structure)), a, b) for structure in (DiagonalMetric, FullMetric))
        torch.testing.assert_close(one.points, other.points, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(one.log_cost, other.log_cost, rtol=1e-6, atol=1e-6)


def test_no_pair_has_a_say_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    metric = diagonal_metric(30, 4, temperature=3.0)
    a, b = far_ends(metric, 7)
    together = geodesic(InverseMetric(metric), a, b)
    monkeypatch.setattr(search, "PAIRS_AT_A_TIME", 3)
    apart = geodesic(InverseMetric(metric), a, b)
    alone = geodesic(InverseMetric(metric), a[2:3], b[2:3])
    torch.testing.assert_close(apart.log_cost, together.log_cost, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(alone.points[0], together.points[2], rtol=1e-2, atol=1e-2)


def test_curves_are_shorter_than_the_graph_and_the_straight_line() -> None:
    metric = widen(diagonal_metric(60, 16, temperature=4.0))
    a, b = far_ends(metric)
    element = ConformalMetric(metric)
    found = search.shortest(element, a, b)
    for line in (search._start(element, a, b, 25), straight(a, b, 25)):
        assert (found.log_length < search.log_lengths(element, search.Splines(25, a), line)).all()


def test_the_gradient_of_the_objective() -> None:
    element, splines = InverseMetric(horseshoe()), search.Splines(6, torch.zeros((), dtype=torch.float64))
    knots = normal(3, 6, 2, seed=4).requires_grad_()
    v = splines.velocities @ knots
    square = v.square().sum(2)
    excess = square / (square @ splines.weights)[:, None] - 1
    expected = search.log_lengths(element, splines, knots) + search.SPEED_PENALTY * excess.square() @ splines.weights
    value, gradient = search._value_and_gradient(element, splines, knots.detach())
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected.sum(), knots)[0])


def test_distances_are_differentiable_in_both_ends() -> None:
    metric = InverseMetric(horseshoe())
    a, b = horseshoe().centroids[:3], horseshoe().centroids[[4, 6, 0]]
    b[2] = a[2]  # no distance, no gradient
    start, end = a.clone().requires_grad_(), b.clone().requires_grad_()
    gradients = torch.autograd.grad(distance(metric, start, end).sum(), (start, end))
    step = 1e-3
    for which, gradient in enumerate(gradients):
        for axis in range(2):
            shift = step * torch.eye(2, dtype=torch.float64)[axis]
            more, less = (
                distance(metric, a + (1 - which) * sign * shift, b + which * sign * shift) for sign in (1, -1)
            )
            torch.testing.assert_close(gradient[:2, axis], ((more - less) / (2 * step))[:2], rtol=1e-3, atol=1e-3)
    assert not gradients[0][2].any()


def test_identical_ends_are_a_point() -> None:
    metric = horseshoe()
    a, b = metric.centroids[:2], metric.centroids[[0, 5]]
    for curves in (geodesic(metric, a, b, n_points=5), interpolate(metric, a, b, n_points=5)):
        assert curves.points[0].equal(a[:1].expand(5, 2))
        assert curves.cost[0] == 0
        assert curves.cost[1] > 0
        assert curves.converged.all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_ends_are_kept_and_so_is_their_type(dtype) -> None:
    metric = horseshoe()
    a, b = metric.centroids[:2].to(dtype), metric.centroids[4:6].to(dtype)
    curves = geodesic(metric, a, b, n_points=2)
    assert curves.points.dtype == curves.cost.dtype == dtype
    assert curves.points[:, 0].equal(a)
    assert curves.points[:, 1].equal(b)


def test_a_void_that_is_crossed_is_told() -> None:
    metric = diagonal_metric(2, 4, spread=8.0, temperature=1.0, regularization=1e-30, decay=1e-3)
    a, b = metric.centroids[:1], metric.centroids[1:]
    across = interpolate(metric, a, b, exponent=1.0)
    assert across.leaves_data.tolist() == [True]
    assert torch.isfinite(across.points).all()
    assert torch.isfinite(across.log_cost).all()
    assert interpolate(metric, a, a + 0.01).leaves_data.tolist() == [False]
    beyond = interpolate(metric, 50 + a, 50 + b)  # ends on no island
    assert beyond.leaves_data.all()
    assert torch.isfinite(beyond.points).all()


@pytest.mark.parametrize("far", [search.FARTHEST, 1e9])
def test_no_detour_leads_by_way_of_infinity(far, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decaying metric has no shortest curves in voids: the farther out, the shorter, unless they are held."""
    monkeypatch.setattr(search, "FARTHEST", far)
    metric = diagonal_metric(8, 2, spread=2.0, temperature=1.0, regularization=1.0, decay=1.0)
    a, b = far_ends(metric, 6)
    curves = geodesic(metric, a, b)
    reach = (torch.cat([metric.centroids, a, b]) - metric.centroids.mean(0)).norm(dim=1).max()
    out = (curves.points - metric.centroids.mean(0)).norm(dim=2).amax(1)
    if far < 1e9:
        assert (out < 2.5 * reach).all()
        assert (curves.log_cost > -3).all()
    else:
        assert out.max() > 1e6 * reach
        assert not curves.converged[out.argmax()]


def test_a_search_cut_short_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MAX_ITER", 2)
    metric = horseshoe()
    curves = geodesic(InverseMetric(metric), metric.centroids[:1], metric.centroids[8:9])
    assert not curves.converged.any()
    assert torch.isfinite(curves.points).all()


def test_one_centroid_is_enough() -> None:
    metric = diagonal_metric(1, 3)
    curves = geodesic(metric, metric.centroids - 0.5, metric.centroids + 0.5)
    assert curves.converged.all()


def test_widened_islands() -> None:
    metric = diagonal_metric(20, 6, spread=5.0)
    wide = widen(metric, 2.5, floor_share=0.01)
    assert island_scale(wide.temperature, wide.volume_exponent, 6) == pytest.approx(2.5)
    assert floor_share(wide) == pytest.approx(0.01)
    assert wide.centroids is metric.centroids
    with pytest.raises(ArgumentError, match="scale must be positive and finite, got 0"):
        widen(metric, 0.0)


ROW, NAN = torch.zeros(1, 2, dtype=torch.float64), torch.tensor([[0.0, math.nan]], dtype=torch.float64)


@pytest.mark.parametrize(
    ("a", "b", "arguments", "error", "message"),
    [
        (NAN, ROW, {}, ArgumentError, r"a must be finite, but 1 of 1 rows are not, the first is row 0"),
        (ROW, NAN, {}, ArgumentError, r"b must be finite"),
        (ROW, ROW.repeat(2, 1), {}, ArgumentError, r"a and b must have the same shape.*\(1, 2\) and \(2, 2\)"),
        (ROW[:, :1], ROW, {}, ArgumentError, r"a must have shape \(rows, 2\).*got \(1, 1\)"),
        (ROW[0], ROW, {}, ArgumentError, r"a must have shape \(rows, 2\).*got \(2,\)"),
        (ROW, ROW, {"n_points": 1}, ArgumentError, r"n_points must be at least 2, got 1"),
        (ROW, ROW, {"exponent": -1.0}, ArgumentError, r"exponent must be positive and finite, got -1"),
        (ROW.long(), ROW, {}, ArgumentTypeError, r"a must be a floating-point tensor, got torch.int64"),
    ],
)
def test_bad_arguments(a, b, arguments, error, message) -> None:
    with pytest.raises(error, match=message):
        interpolate(horseshoe(), a, b, **arguments)
    if "exponent" not in arguments:
        with pytest.raises(error, match=message):
            geodesic(horseshoe(), a, b, **arguments)
    if not arguments:
        with pytest.raises(error, match=message):
            distance(horseshoe(), a, b)
