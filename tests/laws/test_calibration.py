"""Nearest distances, the calibrated island scale, and the number of clusters."""

from itertools import pairwise
from typing import Any

import pytest
import torch

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.encoding import StreamedPosteriors
from riemann_sampler.laws.calibration import calibrated_scale, heldout_n_clusters
from riemann_sampler.metric.centroids import Centroids, cluster_centroids, merge_duplicates
from riemann_sampler.metric.islands import IslandMixture
from riemann_sampler.metric.quadratic_forms import Quadratics
from riemann_sampler.protocols import GaussianPosterior
from tests.helpers import reference
from tests.helpers.builders import METRICS, generator, normal, posterior


@pytest.mark.parametrize("block", [2**18, 10], ids=["whole", "chunked"])
@pytest.mark.parametrize("structure", METRICS)
@pytest.mark.parametrize("exclude", [False, True])
def test_nearest_distances(structure: str, exclude: bool, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", block)
    monkeypatch.setattr("riemann_sampler.compute.chunking.LEAST_ROWS", 1)
    metric, z = METRICS[structure](k=7), 2 * normal(12, 3, seed=5)
    excluded = torch.arange(12) % 7 if exclude else None
    expected = reference.nearest_distances(metric.centroids, metric.precisions, z, excluded)
    distances, indices = metric.quadratics.nearest(z, excluding=excluded)
    torch.testing.assert_close(distances, expected[0])
    assert torch.equal(indices, expected[1])


def test_a_code_is_at_distance_zero_of_itself() -> None:
    quadratics = METRICS["diagonal"](k=7).quadratics
    distances, indices = quadratics.nearest(quadratics.centroids)
    torch.testing.assert_close(distances, torch.zeros_like(distances), rtol=0, atol=1e-6)
    assert indices.tolist() == list(range(7))


@pytest.mark.parametrize("full", [False, True])
def test_quadratics_have_the_inverse_covariances(full: bool) -> None:
    centroids = cluster_centroids(StreamedPosteriors(posterior(100, 3)), 4, 0, full=full)
    identity = torch.eye(3, dtype=torch.float64).expand(4, 3, 3)
    covariances = centroids.covariances if full else torch.diag_embed(centroids.covariances)
    torch.testing.assert_close(covariances @ reference.dense(centroids.quadratics.precisions), identity)


def islands_of(codes: Quadratics) -> Any:
    log_masses = torch.zeros(codes.n_centroids, dtype=torch.float64)
    return lambda scale: IslandMixture(codes, scale=scale, log_masses=log_masses)


def brute_force_medians(codes: Centroids, scale: float) -> tuple[float, float]:
    """Median distances to the nearest code: of fresh samples, and of each code to the others; one pair at a time."""
    n, dim = codes.means.shape
    index = torch.randint(n, (2_000,), generator=generator(11))
    z = codes.means[index] + scale * codes.covariances[index].sqrt() * normal(2_000, dim, seed=12)
    of_samples = torch.stack([((x - codes.means) ** 2 / codes.covariances).sum(1).min() for x in z])
    others = [torch.cat([torch.arange(i), torch.arange(i + 1, n)]) for i in range(n)]
    pairs = zip(codes.means, others, strict=True)
    of_codes = torch.stack([((x - codes.means[o]) ** 2 / codes.covariances[o]).sum(1).min() for x, o in pairs])
    return float(of_samples.sqrt().median()), float(of_codes.sqrt().median())


@pytest.mark.parametrize(("dim", "log_variance"), [(4, -6.0), (8, -3.0)])
def test_calibrated_samples_are_as_novel_as_codes(dim: int, log_variance: float) -> None:
    codes = merge_duplicates(posterior(400, dim, log_variance=log_variance))
    quadratics = codes.quadratics
    scale = calibrated_scale(quadratics, islands_of(quadratics), seed=0)
    of_samples, of_codes = brute_force_medians(codes, scale)
    assert of_samples == pytest.approx(of_codes, rel=0.06)
    above, _ = brute_force_medians(codes, 1.4 * scale)
    assert above > 1.1 * of_codes  # the comparison would see a wrong scale


def test_the_scale_grows_as_codes_thin_out() -> None:
    codes = posterior(1600, 4, log_variance=-3.0)
    scales = []
    for n in (1600, 400, 100, 25):
        quadratics = merge_duplicates(GaussianPosterior(codes.mean[:n], codes.log_variance[:n])).quadratics
        scales.append(calibrated_scale(quadratics, islands_of(quadratics), seed=0))
    assert all(1.1 * fewer < more for fewer, more in pairwise(scales))


def test_the_seed_decides() -> None:
    quadratics = merge_duplicates(posterior(100)).quadratics
    first, again, other = (calibrated_scale(quadratics, islands_of(quadratics), seed=seed) for seed in (0, 0, 1))
    assert first == again != other


def test_duplicated_codes_do_not_count_as_near() -> None:
    """Every code twice: the novelty asked for is that of the distinct codes, not zero."""
    codes = posterior(60)
    twice = GaussianPosterior(codes.mean.repeat(2, 1), codes.log_variance.repeat(2, 1))
    once, doubled = (RiemannianUniformSampler.from_preset("calibrated").fit(data) for data in (codes, twice))
    assert doubled.diagnostics_.island_scale == pytest.approx(once.diagnostics_.island_scale, rel=1e-6)


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
@pytest.mark.parametrize(("n_blobs", "found"), [(1, {1, 2}), (3, {3}), (7, {7, 10})])
def test_heldout_codes_find_the_number_of_blobs(n_blobs: int, found: set[int], full: bool) -> None:
    axes = 15 * torch.eye(3, dtype=torch.float64)
    corners = torch.cat([torch.zeros(1, 3), axes, -axes])[:n_blobs]
    mean = (corners[:, None] + normal(n_blobs, 420 // n_blobs, 3, seed=5)).flatten(0, 1)
    codes = GaussianPosterior(mean, torch.full_like(mean, -3.0))
    assert heldout_n_clusters(codes, full=full, seed=0) in found


def test_heldout_clusters_of_two_codes_are_one() -> None:
    assert heldout_n_clusters(posterior(2), full=True, seed=0) == 1


@pytest.mark.parametrize(("grid", "found"), [((30, 60, 80, 3), 3), ((30, 60, 80, 90, 3), 30)])
def test_the_search_bears_two_setbacks_but_not_three(
    grid: tuple[int, ...], found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riemann_sampler.laws.calibration.N_CLUSTERS_GRID", grid)
    mean = torch.cat([normal(100, 3, seed=seed) + 15 * seed for seed in range(3)])
    assert heldout_n_clusters(GaussianPosterior(mean, torch.full_like(mean, -3.0)), full=False, seed=0) == found
