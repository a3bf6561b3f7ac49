"""The island mixture against torch's own distributions, its closed forms, and counts of its draws."""

import math
from typing import Any

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from riemann_sampler.compute import chunking as chunks_module
from riemann_sampler.metric.islands import IslandMixture, floor_share, island_scale, proper_floor
from riemann_sampler.metric.metric import Metric
from riemann_sampler.metric.quadratic_forms import DiagonalQuadratics
from tests.helpers import reference
from tests.helpers.builders import METRICS, generator, moved, normal

EXPONENTS = [0.4, 1.0, 1.7]
PLAIN = {"temperature": 0.7, "regularization": 0.3, "decay": 0.2}
"""The floor counts: it holds about half of the mass."""


def grid(half_width: float, n: int) -> tuple[Tensor, float]:
    """Points of a square grid in the plane, and the area of its cells."""
    axis = torch.linspace(-half_width, half_width, n, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis), float((axis[1] - axis[0]) ** 2)


def mixture_of(quadratics: DiagonalQuadratics, scale: float, masses: list[float], floor: Any = None) -> IslandMixture:
    return IslandMixture(quadratics, scale=scale, log_masses=torch.tensor(masses).double().log(), floor=floor)


def separated(k: int, dim: int = 2) -> DiagonalQuadratics:
    """Unit islands 100 apart along the first axis."""
    centroids = torch.zeros(k, dim, dtype=torch.float64)
    centroids[:, 0] = 100 * torch.arange(k)
    return DiagonalQuadratics(centroids, torch.ones_like(centroids))


@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize("structure", METRICS)
class TestMixtureOfAMetric:
    def test_log_density(self, structure: str, exponent: float, device: str) -> None:
        metric = METRICS[structure](**PLAIN, volume_exponent=exponent)
        z = 2 * normal(20, 3, seed=5)
        islands = IslandMixture.of(moved(metric, device))
        expected = reference.island_mixture(metric).log_prob(z)
        torch.testing.assert_close(islands.log_density(z.to(device)).cpu(), expected, rtol=1e-10, atol=1e-10)

    def test_weights(self, structure: str, exponent: float) -> None:
        metric = METRICS[structure](**PLAIN, volume_exponent=exponent)
        expected = reference.island_log_masses(metric).log_softmax(0)
        torch.testing.assert_close(IslandMixture.of(metric).log_weights, expected)
        assert floor_share(metric) == pytest.approx(float(expected[-1].exp()), rel=1e-10)

    def test_density_integrates_to_one(self, structure: str, exponent: float) -> None:
        metric = METRICS[structure](dim=2, **PLAIN, volume_exponent=exponent)
        z, cell = grid(20.0, 401)
        assert float(IslandMixture.of(metric).log_density(z).exp().sum()) * cell == pytest.approx(1, abs=1e-4)

    def test_masses_are_integrals_of_the_volume_law(self, structure: str, exponent: float) -> None:
        """A lone island, and the floor alone, integrated on a grid (DESIGN: mass (2πs²)^{d/2} |Σ|^{(1−α)/2})."""
        scalars = {"temperature": 0.7, "volume_exponent": exponent}
        z, cell = grid(15.0, 401)
        island = METRICS[structure](k=1, dim=2, regularization=1e-300, decay=0.2, **scalars)
        floor = METRICS[structure](k=1, dim=2, regularization=1e200, decay=0.2, **scalars)
        masses = reference.island_log_masses(island)[0], reference.island_log_masses(floor)[1]
        for metric, mass in zip((island, floor), masses, strict=True):
            integral = metric.log_density(z).logsumexp(0) + math.log(cell)
            torch.testing.assert_close(integral, mass, rtol=0, atol=1e-4)

    def test_it_is_the_volume_law_where_islands_are_isolated(self, structure: str, exponent: float) -> None:
        scalars = {"temperature": 0.7, "regularization": 1e-40, "decay": 0.2, "volume_exponent": exponent}
        metric = METRICS[structure](k=4, spread=60.0, **scalars)
        s = island_scale(0.7, exponent, 3)
        z = metric.centroids.repeat_interleave(5, 0) + 2 * s * normal(20, 3, seed=6)
        log_total = reference.island_log_masses(metric).logsumexp(0)
        torch.testing.assert_close(
            metric.log_density(z), IslandMixture.of(metric).log_density(z) + log_total, rtol=1e-9, atol=1e-9
        )

    def test_moments_of_draws(self, structure: str, exponent: float) -> None:
        metric = METRICS[structure](**PLAIN, volume_exponent=exponent)
        exact = reference.island_mixture(metric)
        weights = exact.mixture_distribution.probs
        parts = exact.component_distribution
        mean = weights @ parts.mean
        second = torch.einsum(
            "k,kij->ij", weights, parts.covariance_matrix + parts.mean[:, :, None] * parts.mean[:, None]
        )
        z = IslandMixture.of(metric).sample(40_000, generator(1))
        products = z[:, :, None] * z[:, None]
        for values, expected in ((z, mean), (products, second)):
            errors = (values.mean(0) - expected) / (values.std(0) / math.sqrt(len(z)))
            assert errors.abs().max() < 4.5  # standard errors


@pytest.mark.parametrize("share", [1e-6, 1e-3, 0.4])
@pytest.mark.parametrize("exponent", EXPONENTS)
@pytest.mark.parametrize(("structure", "dim"), [("diagonal", 2), ("diagonal", 64), ("full", 2), ("full", 8)])
def test_a_proper_floor_holds_exactly_the_share(structure: str, dim: int, exponent: float, share: float) -> None:
    metric: Metric = METRICS[structure](dim=dim, volume_exponent=exponent)
    floor = proper_floor(metric.quadratics, 1.3, exponent, share=share, decay=0.7)
    proper = metric.replace(temperature=1.3, regularization=floor.regularization, decay=floor.decay)
    assert floor.decay == 0.7
    assert floor_share(proper) == pytest.approx(share, rel=1e-9)
    assert float(reference.island_log_masses(proper).softmax(0)[-1]) == pytest.approx(share, rel=1e-9)


def test_a_proper_floor_can_be_tiny() -> None:
    """At d = 64, narrow islands under a floor as wide as a wide prior: λ is far below any sensible constant."""
    metric: Metric = METRICS["diagonal"](dim=64)
    floor = proper_floor(metric.quadratics, 1e-9, 1.0, share=1e-3, decay=1e-3)
    assert 0 < floor.regularization < 1e-20
    proper = metric.replace(temperature=1e-9, regularization=floor.regularization, decay=floor.decay)
    assert floor_share(proper) == pytest.approx(1e-3, rel=1e-9)


def test_the_floor_is_drawn_as_often_as_its_share() -> None:
    islands = mixture_of(separated(2), scale=1.0, masses=[1.0, 2.0], floor=(math.log(1.5), 1e-3))
    z = islands.sample(20_000, generator())
    at_floor = z.norm(dim=1) < 0.01  # by chance 1 in 20,000 draws of the island there
    assert chisquare([int(at_floor.sum()), int((~at_floor).sum())], [20_000 / 3, 40_000 / 3]).pvalue > 1e-3


def test_islands_are_drawn_as_often_as_their_weights() -> None:
    masses = [1.0, 5.0, 0.5, 3.0, 2.0, 8.0, 0.1, 1.0]
    z = mixture_of(separated(8), scale=1.0, masses=masses).sample(20_000, generator())
    counts = torch.bincount((z[:, 0] / 100).round().long(), minlength=8)
    expected = [20_000 * mass / sum(masses) for mass in masses]
    assert chisquare(counts.numpy(), expected).pvalue > 1e-3


def test_without_a_floor_none_is_drawn() -> None:
    """Not even by rounding: the last cumulative weights are equal, and islands stand off the origin."""
    quadratics = DiagonalQuadratics(10 + normal(3, 2), torch.full((3, 2), 1e4, dtype=torch.float64))
    islands = mixture_of(quadratics, scale=1.0, masses=[1.0, 1.0, 1.0])
    assert islands.sample(20_000, generator()).min() > 5
    z = quadratics.centroids + 0.01
    parts = reference.MultivariateNormal(quadratics.centroids, 1e-4 * torch.eye(2, dtype=torch.float64))
    expected = (parts.log_prob(z[:, None]) - math.log(3)).logsumexp(1)
    torch.testing.assert_close(islands.log_density(z), expected)


def test_log_density_is_right_far_out() -> None:
    metric = METRICS["diagonal"](**PLAIN)
    z = 1e4 * torch.nn.functional.normalize(normal(4, 3, seed=5))
    expected = reference.island_mixture(metric).log_prob(z)
    torch.testing.assert_close(IslandMixture.of(metric).log_density(z), expected, rtol=1e-9, atol=0)


def test_chunked_is_unchunked(monkeypatch: pytest.MonkeyPatch) -> None:
    islands, z = IslandMixture.of(METRICS["full"](**PLAIN)), normal(9, 3, seed=5)
    whole = islands.log_density(z)
    monkeypatch.setattr(chunks_module, "BLOCK_ELEMENTS", 12)
    monkeypatch.setattr(chunks_module, "LEAST_ROWS", 1)
    torch.testing.assert_close(islands.log_density(z), whole, rtol=1e-12, atol=1e-12)


def test_single_precision() -> None:
    metric = METRICS["full"](**PLAIN)
    single, z = IslandMixture.of(moved(metric, torch.float32)), normal(9, 3, seed=5)
    assert single.sample(5, generator()).dtype == torch.float32
    density = single.log_density(z.float())
    assert density.dtype == torch.float32
    torch.testing.assert_close(density.double(), reference.island_mixture(metric).log_prob(z), rtol=1e-4, atol=1e-4)


def test_rare_islands_are_drawn_even_in_single_precision() -> None:
    """Two million islands of weight 1e-8 beside one of weight 1: float32 sums would lose them."""
    centroids = torch.ones(2_000_001, 1)
    centroids[0] = -1
    masses = torch.full((len(centroids),), 1e-8).log()
    masses[0] = 0.0
    islands = IslandMixture(DiagonalQuadratics(centroids, centroids.square()), scale=0.1, log_masses=masses)
    n_rare = int((islands.sample(20_000, generator()) > 0).sum())
    assert chisquare([n_rare, 20_000 - n_rare], [20_000 * 0.02 / 1.02, 20_000 / 1.02]).pvalue > 1e-3


def test_draws_depend_on_the_generator_alone() -> None:
    islands = IslandMixture.of(METRICS["diagonal"](**PLAIN))
    first, again, other = (islands.sample(50, generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert islands.sample(0, generator()).shape == (0, 3)
    assert islands.log_density(first[:0]).shape == (0,)


@pytest.mark.parametrize("log_precision", [14.0, -14.0])
def test_a_floor_beyond_the_range_of_floats_is_the_nearest_float(log_precision: float) -> None:
    """At α = 0.01 the share asks for λ near e^{±1400}."""
    quadratics = DiagonalQuadratics(normal(5, 2), torch.full((5, 2), math.exp(log_precision), dtype=torch.float64))
    floor = proper_floor(quadratics, 1.0, 0.01, share=1e-3, decay=1.0)
    assert math.log(floor.regularization) == pytest.approx(math.copysign(700, -log_precision))
