"""Random walks: the law they leave alone, their spread and drift, and what they refuse."""

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.studies.exactness import Grid, make_metric
from riemann_sampler import DiagonalMetric, FullMetric
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.geometry.statistics import brownian
from riemann_sampler.geometry.statistics.brownian import BrownianWalk, brownian_walk
from riemann_sampler.metric.islands import IslandMixture
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import METRICS, SCALARS, diagonal_metric, full_metric, moved, normal
from tests.helpers.geometries import SKEW, accept_always, constant_metric, normal_z_score

N = 20_000
BOUND = 1.15
"""Total variation of 20,000 walks, over that of exact draws."""


@cache
def law(name: str) -> tuple[Metric, Grid, Tensor]:
    """A metric, its volume law on a grid, and independent draws from it, by rejection from the island mixture."""
    metric = make_metric(name, 1.0)
    generator = torch.Generator().manual_seed(0)
    islands = IslandMixture.of(metric)
    proposal = islands.sample(5 * N, generator)
    log_weight = metric.log_volume(proposal) - islands.log_density(proposal)
    kept = log_weight - log_weight.max() > torch.rand(5 * N, dtype=torch.float64, generator=generator).log()
    draws = proposal[kept][:N]
    assert len(draws) == N
    return metric, Grid.of(metric), draws


def tv_ratio(name: str) -> tuple[float, BrownianWalk]:
    """Total variation of walks that started at exact draws, over that of exact draws."""
    metric, grid, draws = law(name)
    walk = brownian_walk(metric, draws, n_steps=10, time=10.0, seed=1)
    return grid.total_variation(grid.histogram(walk.points[:, -1])) / grid.exact_total_variation(N, 0), walk


@pytest.mark.parametrize("name", ["overlapping", "full"])
def test_walks_started_at_the_volume_law_stay_there(name: str) -> None:
    ratio, walk = tv_ratio(name)
    assert ratio <= BOUND
    assert 0.2 < walk.acceptance.mean() < 0.9  # the correction is at work
    assert (walk.points[:, -1] - walk.points[:, 0]).norm(dim=1).mean() > 0.3  # and they went somewhere


@pytest.mark.parametrize("name", ["overlapping", "full"])
def test_accepting_always_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(brownian, "metropolis_accept", accept_always)
    assert tv_ratio(name)[0] > 2 * BOUND


def test_in_a_constant_metric_the_spread_is_time_times_the_inverse() -> None:
    start = torch.tensor([1.0, -2.0], dtype=torch.float64)
    walk = brownian_walk(constant_metric(SKEW), start.expand(N, -1), n_steps=8, time=0.6, seed=0)
    assert walk.points.shape == (N, 9, 2)
    assert torch.equal(walk.points[:, 0], start.expand(N, -1))
    torch.testing.assert_close(walk.acceptance, torch.ones_like(walk.acceptance))
    for step, share in [(2, 0.25), (8, 1.0)]:
        unit = (walk.points[:, step] - start) @ torch.linalg.cholesky(SKEW) / math.sqrt(0.6 * share)
        assert normal_z_score(unit) < 4


def test_in_one_dimension_arc_length_moves_as_standard_brownian_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    centroid, time = torch.zeros(1, 1, dtype=torch.float64), 0.2
    metric = DiagonalMetric(centroid, centroid + 1, temperature=1.5, regularization=0.05, decay=0.01)
    z = torch.linspace(-20, 20, 100_001, dtype=torch.float64)
    arc_length = torch.cumulative_trapezoid(metric.log_volume(z[:, None]).exp(), z)

    def score() -> float:
        walk = brownian_walk(metric, torch.full((4000, 1), 1.5, dtype=torch.float64), n_steps=300, time=time, seed=0)
        start, end = (np.interp(walk.points[:, i, 0], z[1:], arc_length) for i in (0, -1))
        return normal_z_score(torch.from_numpy(end - start)[:, None] / math.sqrt(time))

    assert score() < 4
    monkeypatch.setattr(brownian, "metropolis_accept", accept_always)
    assert score() > 8  # without the correction nothing drifts to where the volume is


@pytest.mark.parametrize("structure", METRICS)
def test_walks_do_not_leave_the_data(structure: str) -> None:
    metric = METRICS[structure](k=4, dim=3, spread=20.0, temperature=1.0, regularization=1e-12, decay=1e-3)
    walk = brownian_walk(metric, metric.centroids, n_steps=200, time=50.0, seed=0)
    nearest = metric.quadratics.nearest(walk.points.flatten(0, 1))[0]
    assert nearest.max() < 5
    assert (walk.points[:, -1] != walk.points[:, 0]).all()


def test_a_full_metric_of_diagonal_precisions_walks_likewise() -> None:
    metric = diagonal_metric()
    full = FullMetric(metric.centroids, torch.diag_embed(metric.precisions), **SCALARS)
    walks = [brownian_walk(each, normal(20, 3), n_steps=5, seed=3) for each in (metric, full)]
    torch.testing.assert_close(walks[0].points, walks[1].points)
    torch.testing.assert_close(walks[0].acceptance, walks[1].acceptance)


def test_seeds() -> None:
    metric, start = full_metric(), normal(4, 3)
    first, again, other = (brownian_walk(metric, start, n_steps=3, seed=seed).points for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    fresh = [brownian_walk(metric, start, n_steps=3).points for _ in range(2)]
    assert not torch.equal(*fresh)


def test_walks_are_on_the_device_and_in_the_type_of_the_metric(device: str) -> None:
    metric = moved(diagonal_metric(), device, torch.float32)
    walk = brownian_walk(metric, normal(4, 3), n_steps=3, seed=0)
    assert walk.points.device.type == walk.acceptance.device.type == device
    assert walk.points.dtype == walk.acceptance.dtype == torch.float32


@pytest.mark.parametrize("structure", METRICS)
def test_where_the_metric_underflows_a_walk_stays(structure: str) -> None:
    metric = METRICS[structure](regularization=1e-300, decay=1.0)
    start = torch.stack([metric.centroids[0], torch.full((3,), 60.0, dtype=torch.float64)])
    walk = brownian_walk(metric, start, n_steps=5, time=0.1, seed=0)
    assert torch.equal(walk.points[1], start[1].expand(6, -1))
    assert walk.acceptance[1] == 0
    assert walk.acceptance[0] > 0.5


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_steps": 0}, ArgumentError, r"n_steps must be at least 1, got 0\."),
        ({"n_steps": 1.5}, ArgumentTypeError, r"n_steps must be a whole number, got 1\.5"),
        ({"time": 0.0}, ArgumentError, r"time must be positive and finite, got 0\.0\."),
        ({"time": math.inf}, ArgumentError, r"time must be positive and finite, got inf\."),
        ({"seed": -1}, ArgumentError, r"seed must be at least 0, got -1\."),
        ({"start": torch.zeros(3)}, ArgumentError, r"start must have shape \(rows, 3\), none of it 0; got \(3,\)\."),
        ({"start": torch.zeros(2, 4)}, ArgumentError, r"start must have shape \(rows, 3\)"),
        ({"start": torch.full((2, 3), torch.nan)}, ArgumentError, r"start must be finite, but 2 of 2 rows are not"),
        ({"start": [[0.0, 0.0, 0.0]]}, ArgumentTypeError, r"start must be a floating-point tensor, got list\."),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        brownian_walk(diagonal_metric(), **{"start": torch.zeros(2, 3), "n_steps": 2, **arguments})
