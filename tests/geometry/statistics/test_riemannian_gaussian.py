"""The Riemannian Gaussian against laws that are known, in a constant metric and on a grid; broken twins must alarm."""

import math
from collections.abc import Callable
from functools import cache
from math import gcd
from typing import Any

import numpy as np
import pytest
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from riemann_sampler import FullMetric
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.geometry.statistics import gaussian
from riemann_sampler.geometry.statistics.gaussian import riemannian_gaussian
from riemann_sampler.geometry.statistics.straight_gaussian import StraightGaussian
from riemann_sampler.mcmc import hmc, independence
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import METRICS, diagonal_metric, full_metric, moved, normal, precision_matrices
from tests.helpers.dijkstra import NORMS, SIMPSON
from tests.helpers.geometries import SKEW, accept_always, constant_metric, normal_z_score


@pytest.fixture
def roughly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that is hardly adapted, for what does not depend on how well it works."""
    monkeypatch.setattr(gaussian, "N_WARM_UP", 3)
    monkeypatch.setattr(gaussian, "N_START_STEPS", 10)


MEAN = torch.tensor([1.0, -2.0], dtype=torch.float64)
ORIGIN = torch.zeros(2, dtype=torch.float64)


def break_momentum(patch: pytest.MonkeyPatch) -> None:
    draw = hmc.draw_momentum
    patch.setattr(hmc, "draw_momentum", lambda *arguments: 0.5 * draw(*arguments))


def break_acceptance(patch: pytest.MonkeyPatch) -> None:
    """Whatever does not diverge is accepted."""
    patch.setattr(hmc, "metropolis_accept", lambda log_ratio, _: log_ratio > -5)


def break_global_moves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(independence, "metropolis_accept", accept_always)


def leave_out_global_moves(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gaussian, "N_GLOBAL_MOVES", 0)


def leave_out_corrections(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gaussian, "_correct", lambda _, proposed, __: (proposed, torch.ones_like(proposed.distance)))


def constant_z_score(n_steps: int) -> float:
    """Against N(μ, σ G⁻¹)."""
    z = riemannian_gaussian(constant_metric(SKEW), MEAN, 0.7, 600, n_steps=n_steps, seed=1).z
    return normal_z_score((z - MEAN) @ torch.linalg.cholesky(SKEW) / math.sqrt(0.7))


def test_in_a_constant_metric_it_is_normal() -> None:
    assert constant_z_score(n_steps=3) < 4


@pytest.mark.slow
def test_from_the_mean_itself_it_gets_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brownian walks start at the law where the metric is constant; without them it is the kernel that finds it."""

    def narrow(_: Metric, guide: StraightGaussian, n: int, generator: torch.Generator) -> Tensor:
        return guide.mean + 0.1 * torch.randn(n, 2, dtype=torch.float64, generator=generator)

    monkeypatch.setattr(gaussian, "_start", narrow)
    assert constant_z_score(n_steps=4) < 4
    monkeypatch.setattr(gaussian, "N_GLOBAL_MOVES", 0)
    assert constant_z_score(n_steps=1) > 6


@pytest.mark.parametrize("broken", [break_momentum, pytest.param(break_acceptance, marks=pytest.mark.slow)])
def test_a_broken_kernel_is_noticed(monkeypatch: pytest.MonkeyPatch, broken: Callable[..., None]) -> None:
    broken(monkeypatch)
    assert constant_z_score(n_steps=3) > 8


@pytest.mark.slow
def test_corrections_make_up_for_a_wrong_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = StraightGaussian._log_lengths

    def shorter(self: StraightGaussian, z: Tensor) -> tuple[Tensor, Tensor]:
        log_length, gradient = lengths(self, z)
        return log_length - 0.5 * math.log(1.4), gradient

    monkeypatch.setattr(StraightGaussian, "_log_lengths", shorter)
    assert constant_z_score(n_steps=5) < 4
    leave_out_corrections(monkeypatch)
    assert constant_z_score(n_steps=3) > 6


@cache
def island_law() -> tuple[Metric, Tensor, Tensor]:
    """Three islands between which straight lines are no shortest curves; nodes of a grid, and distances to its middle.

    A node is joined to all that are up to five away and not hidden by a nearer one: the error is below one per cent.
    """
    centroids = torch.tensor([[0.3, 0.0], [-2.5, 0.5], [1.5, 2.5]], dtype=torch.float64)
    metric = FullMetric(centroids, 2 * precision_matrices(3, 2, 5), temperature=1.0, regularization=0.03, decay=0.05)
    n, axis = 121, torch.linspace(-9, 9, 121, dtype=torch.float64)
    nodes, index = torch.cartesian_prod(axis, axis), np.arange(n * n).reshape(n, n)
    steps = [(x, y) for x in range(6) for y in range(-5, 6) if gcd(x, abs(y)) == 1 and (x or y > 0)]
    i = np.concatenate([index[: n - x, max(0, -y) : n - max(0, y)].ravel() for x, y in steps])
    j = np.concatenate([index[x:, max(0, y) : n - max(0, -y)].ravel() for x, y in steps])
    start, step = nodes[i], nodes[j] - nodes[i]
    lengths = [weight * NORMS["metric"](metric.tensor(start + t * step), step) for t, weight in SIMPSON]
    graph = coo_array((sum(lengths).numpy(), (i, j)), shape=(n * n,) * 2).tocsr()
    return metric, nodes, torch.from_numpy(dijkstra(graph, directed=False, indices=n * n // 2))


def regions(z: Tensor) -> Tensor:
    """Indicators of sectors around the origin, and of rings."""
    sector = torch.atan2(z[:, 1], z[:, 0]).add(math.pi).div(math.pi / 4).long().clamp(max=7)
    ring = torch.bucketize(z.norm(dim=1), torch.tensor([0.3, 0.6, 1.0, 2.0, 3.0], dtype=torch.float64))
    return torch.cat([torch.nn.functional.one_hot(sector, 8), torch.nn.functional.one_hot(ring, 6)], 1).double()


def island_z_score(n: int) -> float:
    """Largest z-score of the shares of regions, against those of the law on the grid."""
    metric, nodes, distances = island_law()
    mass = torch.softmax(metric.log_volume(nodes) - distances.square() / 2, 0)
    samples = riemannian_gaussian(metric, ORIGIN, 1.0, n, n_steps=5, seed=0)
    at = torch.cdist(samples.z, nodes).argmin(1)
    assert ((samples.distance - distances[at]).abs() < 0.2).double().mean() > 0.97  # the grid is as coarse as that
    expected = mass @ regions(nodes)
    errors = (expected * (1 - expected) / n).sqrt()
    return ((regions(nodes[at]).mean(0) - expected) / errors).abs().max().item()


def test_between_islands_it_is_the_law_of_the_grid() -> None:
    assert island_z_score(300) < 4


@pytest.mark.slow
@pytest.mark.parametrize("broken", [leave_out_global_moves, break_global_moves])
def test_broken_moves_between_islands_are_noticed(monkeypatch: pytest.MonkeyPatch, broken: Callable[..., None]) -> None:
    broken(monkeypatch)
    assert island_z_score(600) > 5


@pytest.mark.slow
def test_between_islands_the_corrections_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert island_z_score(2000) < 4
    leave_out_corrections(monkeypatch)
    assert island_z_score(2000) > 8


def test_what_the_state_keeps_is_what_is_at_its_positions() -> None:
    metric, _, _ = island_law()
    guide = StraightGaussian(metric, ORIGIN[None], 0.2)
    state, proposed = (
        gaussian._weigh(metric, guide, hmc.init(2 * normal(60, 2, seed=seed), guide.log_density_and_gradient))
        for seed in (1, 2)
    )
    moved, acceptance = gaussian._correct(state, proposed, torch.Generator().manual_seed(0))
    stayed = (moved.chains.position == state.chains.position).all(1)
    assert 5 < stayed.sum() < 55  # both happen
    assert (acceptance[stayed] < 1).all()
    again = gaussian._weigh(metric, guide, moved.chains)
    torch.testing.assert_close(moved.distance, again.distance)
    torch.testing.assert_close(moved.log_weight, again.log_weight)


class TestGuide:
    @pytest.mark.parametrize("structure", METRICS)
    def test_gradient(self, structure: str) -> None:
        metric, mean, z = METRICS[structure](), normal(1, 3, seed=6), normal(7, 3, seed=5).requires_grad_()
        nodes, weights = np.polynomial.legendre.leggauss(8)
        v, length = z - mean, torch.zeros(7, dtype=torch.float64)
        for node, weight in zip(nodes, weights, strict=True):
            length = length + weight / 2 * metric.inner(mean + (node + 1) / 2 * v, v, v).sqrt()
        expected = metric.log_volume(z) - length.square() / 0.8
        (expected_gradient,) = torch.autograd.grad(expected.sum(), z)
        log_density, gradient = StraightGaussian(metric, mean, 0.4).log_density_and_gradient(z.detach())
        torch.testing.assert_close(log_density, expected.detach(), rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-9, atol=1e-9)

    def test_lengths_are_those_of_straight_lines(self) -> None:
        metric, mean, z = full_metric(temperature=3.0), normal(1, 3, seed=6), normal(5, 3, seed=5)
        t = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
        lengths = []
        for end in z:
            line, v = mean + t[:, None] * (end - mean), (end - mean).expand(2000, -1)
            lengths.append(metric.inner(line, v, v).sqrt().mean())
        energy = StraightGaussian(metric, mean, 0.4).energy(z)
        torch.testing.assert_close(energy, torch.stack(lengths).square() / 0.8, rtol=1e-4, atol=0)

    def test_at_the_mean_nothing_pulls(self) -> None:
        metric, mean = diagonal_metric(), normal(1, 3, seed=6)
        log_density, gradient = StraightGaussian(metric, mean, 0.4).log_density_and_gradient(mean)
        assert torch.equal(log_density, metric.log_volume(mean))
        assert torch.equal(gradient, metric.grad_log_volume(mean))

    def test_proposals_are_weighed_by_their_density(self) -> None:
        """By the density that log_weight implies, on the grid: it integrates to 1, and is that of the draws."""
        metric, nodes, _ = island_law()
        guide = StraightGaussian(metric, ORIGIN[None], 1.0)
        log_density = guide.log_density_and_gradient(nodes)[0]
        log_proposal = log_density - guide.log_weight(nodes)
        cell = (18 / 120) ** 2
        assert (log_proposal.exp().sum() * cell).item() == pytest.approx(1, abs=0.02)
        proposed = guide.sample(20_000, torch.Generator().manual_seed(0))
        shares = torch.softmax(log_proposal, 0) @ regions(nodes)
        assert (regions(proposed).mean(0) - shares).abs().max() < 0.03
        # Islands near the mean are proposed more than others: 0.37 if all were proposed alike.
        total_variation = 0.5 * (torch.softmax(log_proposal, 0) - torch.softmax(log_density, 0)).abs().sum()
        assert total_variation < 0.3


@pytest.mark.parametrize("structure", METRICS)
def test_it_says_what_happened(structure: str) -> None:
    metric = METRICS[structure](temperature=2.0)
    samples = riemannian_gaussian(metric, metric.centroids[0], 0.3, 40, n_steps=2, seed=0)
    assert samples.z.shape == (40, 3)
    for part in (samples.acceptance, samples.correction_acceptance):
        assert part.shape == (40,)
        assert 0.6 < part.mean() <= 1
    assert (samples.n_divergent == 0).all()
    straight = StraightGaussian(metric, metric.centroids[:1], 0.3).energy(samples.z)
    assert (samples.distance.square() / 0.6 <= straight * 1.01).all()
    assert 0.2 < samples.distance.square().mean() / 0.9 < 3


@pytest.mark.usefixtures("roughly")
def test_it_is_a_law_of_the_metric_whatever_this_samples() -> None:
    one, other = (diagonal_metric(temperature=2.0, volume_exponent=exponent) for exponent in (1.0, 0.3))
    samples = [riemannian_gaussian(metric, one.centroids[0], 0.3, 20, n_steps=2, seed=0).z for metric in (one, other)]
    assert torch.equal(*samples)
    assert other.volume_exponent == 0.3


def test_a_variance_beyond_the_manifold_is_the_volume_law_of_the_data() -> None:
    metric = diagonal_metric(k=1, dim=2, temperature=1.0, regularization=1e-3)
    samples = riemannian_gaussian(metric, metric.centroids[0], 1e6, 400, n_steps=2, seed=0)
    on_island = metric.quadratics(samples.z)[:, 0] < 20
    unit = (samples.z - metric.centroids[0])[on_island] * metric.precisions[0].sqrt() * math.sqrt(2)
    assert on_island.double().mean() > 0.8
    assert normal_z_score(unit) < 5


@pytest.mark.usefixtures("roughly")
def test_seeds() -> None:
    metric = constant_metric(SKEW)
    first, again, other = (riemannian_gaussian(metric, MEAN, 1.0, 5, n_steps=1, seed=seed).z for seed in (5, 5, 6))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(riemannian_gaussian(metric, MEAN, 1.0, 5, n_steps=1).z, first)


@pytest.mark.usefixtures("roughly")
def test_samples_are_on_the_device_and_in_the_type_of_the_metric(device: str) -> None:
    metric = moved(diagonal_metric(temperature=2.0), device, torch.float32)
    samples = riemannian_gaussian(metric, normal(3), 0.3, 5, n_steps=1, seed=0)
    for part in samples:
        assert part.device.type == device
        assert part.dtype == torch.float32


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"mean": torch.zeros(2)}, ArgumentError, r"mean must have shape \(3,\), got \(2,\)\."),
        ({"mean": torch.zeros(1, 3)}, ArgumentError, r"mean must have shape \(3,\), got \(1, 3\)\."),
        ({"mean": [0.0] * 3}, ArgumentTypeError, r"mean must be a floating-point tensor, got list\."),
        ({"mean": torch.full((3,), torch.inf)}, ArgumentError, r"mean must be finite, but 1 of 1 rows are not"),
        ({"mean": torch.full((3,), 100.0)}, ArgumentError, r"mean lies so far from the data .*; take one among them\."),
        ({"variance": 0.0}, ArgumentError, r"variance must be positive and finite, got 0\.0\."),
        ({"n_samples": 0}, ArgumentError, r"n_samples must be at least 1, got 0\."),
        ({"n_steps": 0}, ArgumentError, r"n_steps must be at least 1, got 0\."),
        ({"seed": -1}, ArgumentError, r"seed must be at least 0, got -1\."),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    wanted = {"mean": torch.zeros(3), "variance": 1.0, "n_samples": 2, "n_steps": 1, **arguments}
    with pytest.raises(error, match=message):
        riemannian_gaussian(diagonal_metric(), **wanted)
