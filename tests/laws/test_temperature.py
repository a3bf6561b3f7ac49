"""The relative effective sample size, and the rules that set the temperature."""

import math
import re
from typing import Any

import pytest
import torch

from riemann_sampler import DiagonalMetric, GaussianPosterior, RiemannianUniformSampler, TemperatureWarning
from riemann_sampler.compute.seeds import derive_seed
from riemann_sampler.errors import DataError
from riemann_sampler.laws.temperature import BATCH, N_BATCHES, ess_temperature, nearest_temperature, relative_ess
from riemann_sampler.metric.islands import IslandMixture, proper_floor
from riemann_sampler.metric.metric import Metric
from tests.helpers import reference
from tests.helpers.builders import METRICS, generator, normal, posterior


@pytest.mark.parametrize("structure", METRICS)
@pytest.mark.parametrize("temperature", [0.6, 1.5])
def test_relative_ess_is_that_of_the_twin(structure: str, temperature: float) -> None:
    metric = METRICS[structure](temperature=temperature, regularization=0.02, volume_exponent=0.8)
    z = IslandMixture.of(metric).sample(N_BATCHES * BATCH, generator(3))
    log_weights = 0.8 * reference.log_volume(metric, z) - reference.island_mixture(metric).log_prob(z)
    assert relative_ess(metric, 3) == pytest.approx(reference.relative_ess(log_weights, N_BATCHES), rel=1e-9)


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_relative_ess_is_the_integral_it_estimates(temperature: float) -> None:
    """(∫t)² / ∫t²/q for two islands on a line, on a grid."""
    centroids = torch.tensor([[-0.8], [0.8]], dtype=torch.float64)
    precisions = torch.tensor([[1.0], [3.0]], dtype=torch.float64)
    metric = DiagonalMetric(centroids, precisions, temperature=temperature, regularization=1e-3, decay=0.5)
    z = torch.linspace(-20, 20, 40_001, dtype=torch.float64)[:, None]
    target, proposal = reference.log_volume(metric, z).exp(), reference.island_mixture(metric).log_prob(z).exp()
    exact = float(target.sum() ** 2 / (target**2 / proposal).sum()) * 0.001
    assert 0.5 < exact < 0.999
    assert relative_ess(metric, 0) == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize("structure", METRICS)
def test_isolated_islands_lose_nothing(structure: str) -> None:
    metric = METRICS[structure](k=5, spread=50.0, temperature=0.5, regularization=1e-30)
    assert relative_ess(metric, 0) == pytest.approx(1, abs=1e-6)


def family(metric: Metric) -> Any:
    """The metric at any temperature, with a floor that holds a thousandth of the mass."""

    def metric_at(temperature: float) -> Metric:
        floor = proper_floor(metric.quadratics, temperature, 1.0, share=1e-3, decay=0.05)
        return metric.replace(temperature=temperature, regularization=floor.regularization, decay=0.05)

    return metric_at


@pytest.mark.parametrize("min_ess", [0.5, 0.8])
@pytest.mark.parametrize(("k", "dim"), [(30, 6), (100, 8)])
def test_the_temperature_is_the_largest_that_keeps_min_ess(k: int, dim: int, min_ess: float) -> None:
    metric_at = family(METRICS["diagonal"](k=k, dim=dim, spread=4.0))
    found = ess_temperature(metric_at, 6.0, min_ess=min_ess, seed=0)
    assert 0 < found < 5
    assert relative_ess(metric_at(found), 0) >= min_ess > relative_ess(metric_at(1.03 * found), 0)


def test_more_is_asked_of_a_lower_temperature() -> None:
    metric_at = family(METRICS["diagonal"](k=100, dim=8, spread=4.0))
    strict, loose = (ess_temperature(metric_at, 6.0, min_ess=share, seed=0) for share in (0.95, 0.3))
    assert 1.1 * strict < loose


def test_the_widest_temperature_is_not_exceeded() -> None:
    assert ess_temperature(family(METRICS["diagonal"](k=1)), 2.5, min_ess=0.8, seed=0) == 2.5


def test_an_impossible_ess_is_an_error() -> None:
    """Duplicated centroids stay at a relative ESS that no temperature mends."""
    centroids = torch.cat([torch.zeros(2, 16), 1000 * normal(8, 16)]).double()
    twins = DiagonalMetric(centroids, torch.ones_like(centroids), temperature=1.0, regularization=1.0, decay=1.0)
    metric_at = family(twins)
    with pytest.raises(DataError, match=r"No temperature keeps a relative ESS of min_ess=0\.8; lower min_ess"):
        ess_temperature(metric_at, 2.0, min_ess=0.8, seed=0)


@pytest.mark.parametrize(("k", "dim"), [(2, 1), (50, 3)])
def test_the_nearest_rule_is_that_of_brute_force(k: int, dim: int) -> None:
    points = normal(k, dim)
    nearest = [min(float((a - b).norm()) for j, b in enumerate(points) if j != i) for i, a in enumerate(points)]
    assert nearest_temperature(points) == pytest.approx(max(nearest))


FEW_STEPS: dict[str, Any] = {"n_steps": 5, "n_warmup": 5}
"""The temperature is found before any chain runs."""


class TestThroughTheSampler:
    def test_automatic(self) -> None:
        codes = posterior(100, 8, spread=2.0)
        sampler = RiemannianUniformSampler(n_centroids=None, min_ess=0.7, **FEW_STEPS).fit(codes)
        ess = sampler.diagnostics_.relative_ess
        assert ess == relative_ess(sampler.metric_, derive_seed(0)) >= 0.7
        wider = RiemannianUniformSampler(n_centroids=None, temperature=1.03 * sampler.temperature_, **FEW_STEPS)
        assert wider.fit(codes).diagnostics_.relative_ess < 0.7

    @pytest.mark.parametrize("dim", [4, 8])  # where a law too wide fills the gap most
    def test_automatic_leaves_the_gap_between_two_groups_open(self, dim: int) -> None:
        """The relative ESS rises again when all islands coincide; a law so wide has forgotten the codes."""
        codes = posterior(60, dim, spread=0.5, log_variance=-4.0)
        codes.mean[:30, 0] += 10
        sampler = RiemannianUniformSampler(**FEW_STEPS).fit(codes)
        along = sampler.sample_latents(500, seed=0).z[:, 0]
        assert float(((along > 2.5) & (along < 7.5)).double().mean()) < 0.02

    def test_automatic_with_one_centroid_is_as_wide_as_its_covariance(self) -> None:
        sampler = RiemannianUniformSampler(n_centroids=1, **FEW_STEPS).fit(posterior(60, 2))
        assert sampler.diagnostics_.island_scale == pytest.approx(1.0)

    def test_automatic_widens_sparse_islands_to_their_neighbours(self) -> None:
        """Isotropic islands in two dimensions, where the law is its own mixture and the relative ESS is 1."""
        mean = torch.cartesian_prod(torch.arange(5.0), torch.arange(5.0)).double()
        codes = GaussianPosterior(mean, torch.full_like(mean, -6.0))
        sampler = RiemannianUniformSampler(**FEW_STEPS).fit(codes)
        assert sampler.diagnostics_.island_scale * math.exp(-3.0) == pytest.approx(1 / math.sqrt(2))

    def test_the_nearest_rule_warns_with_its_temperature_and_its_ess(self) -> None:
        codes = posterior(60, 2, log_variance=-4.0)
        with pytest.warns(TemperatureWarning) as caught:
            sampler = RiemannianUniformSampler(n_centroids=None, temperature="nearest", **FEW_STEPS).fit(codes)
        figures = rf"gives {sampler.temperature_:.3g}, .* over its islands is {sampler.diagnostics_.relative_ess:.2g}:"
        assert re.search(figures, str(caught[0].message))
        assert sampler.temperature_ == nearest_temperature(codes.mean)
        assert sampler.diagnostics_.relative_ess == relative_ess(sampler.metric_, derive_seed(0))

    def test_a_number_beyond_the_cliff_warns(self) -> None:
        codes = posterior(200, 8)
        with pytest.warns(
            TemperatureWarning, match=r"temperature=6\.0 gives 6, at which .* and chains may not get there"
        ):
            sampler = RiemannianUniformSampler(temperature=6.0, **FEW_STEPS).fit(codes)
        assert sampler.diagnostics_.relative_ess < 0.5

    def test_the_nearest_rule_needs_two_centroids(self) -> None:
        with pytest.raises(DataError, match=r"temperature='nearest' needs at least two distinct centroids, got 1"):
            RiemannianUniformSampler(n_centroids=1, temperature="nearest").fit(posterior(60))

    def test_a_number_is_taken_as_it_is(self) -> None:
        sampler = RiemannianUniformSampler(n_centroids=20, temperature=0.37, **FEW_STEPS).fit(posterior(60))
        assert sampler.temperature_ == sampler.metric_.temperature == 0.37
