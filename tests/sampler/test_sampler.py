"""`RiemannianUniformSampler` from data to samples."""

import math
import re
from typing import Any

import pytest
import torch

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.laws import draws as module
from riemann_sampler.metric.islands import IslandMixture
from tests.helpers import reference
from tests.helpers.builders import SETUPS, TwoHalves, data, fitted, posterior, shared, shared_double


def test_two_lines_are_enough() -> None:
    sampler = RiemannianUniformSampler(TwoHalves()).fit(data())
    images = sampler.sample(5)
    assert images.shape == (5, 1, 4)
    assert images.isfinite().all()


def test_samples_are_decoded_latents() -> None:
    sampler = shared("calibrated")
    z = sampler.sample_latents(20, seed=4).z
    assert torch.equal(sampler.sample(20, seed=4), TwoHalves().decode(z))


@pytest.mark.parametrize("setup", SETUPS)
class TestEverySetup:
    def test_the_seed_decides(self, setup: str) -> None:
        sampler = shared(setup)
        first, again, other = (sampler.sample_latents(30, seed=seed).z for seed in (7, 7, 8))
        assert torch.equal(first, again)
        assert not torch.isclose(first, other).any(1).any()

    def test_without_a_seed_every_call_differs(self, setup: str) -> None:
        sampler = shared(setup)
        first, second = sampler.sample_latents(30).z, sampler.sample_latents(30).z
        assert not torch.isclose(first, second).any(1).any()

    def test_the_batch_size_does_not_matter(self, setup: str) -> None:
        small, large = fitted(setup, batch_size=7), shared(setup)
        assert small.model.encoded == [7] * 8 + [4]
        assert torch.equal(small.sample_latents(30, seed=1).z, large.sample_latents(30, seed=1).z)
        images = small.sample(30, seed=1)
        assert small.model.decoded == [7, 7, 7, 7, 2]
        assert torch.equal(images, small.sample(30, seed=1, batch_size=30))

    def test_a_longer_draw_begins_with_the_same_whole_blocks(self, setup: str, monkeypatch: Any) -> None:
        monkeypatch.setattr(module, "CHAINS_PER_BLOCK", 8)
        sampler = shared(setup)
        short, long = sampler.sample_latents(16, seed=1).z, sampler.sample_latents(21, seed=1).z
        assert torch.equal(short, long[:16])
        assert len(long.unique(dim=0)) == 21  # no block repeats another

    def test_what_is_known_of_each_sample(self, setup: str) -> None:
        sampler = shared_double(setup)
        samples, metric = sampler.sample_latents(25, seed=0), sampler.metric_
        distances, indices = reference.nearest_distances(metric.centroids, metric.precisions, samples.z)
        torch.testing.assert_close(samples.nearest_distance, distances)
        assert torch.equal(samples.nearest_centroid, indices)
        assert samples.labels is None
        chains = SETUPS[setup]["preset"] in ("uniform", "paper")
        if chains:
            expected = reference.log_volume(metric, samples.z)
            assert (samples.acceptance < 1).any()
        else:
            masses = torch.tensor([1.0]) if setup == "calibrated" else None
            expected = self.island_log_density(sampler, samples.z, masses)
            assert (samples.acceptance == 1).all()
        torch.testing.assert_close(samples.log_density, expected, rtol=1e-8, atol=1e-8)
        assert samples.global_acceptance.isnan().all() == (not chains or setup == "paper")

    def island_log_density(self, sampler: RiemannianUniformSampler, z: torch.Tensor, masses: Any) -> torch.Tensor:
        """Sum over islands N(c_k, s² Σ_k), by weights of the codes that each stands for."""
        metric = sampler.metric_
        scale = sampler.diagnostics_.island_scale
        if masses is None:
            nearest = torch.cdist(posterior(60).mean, metric.centroids).argmin(1)
            masses = torch.bincount(nearest, minlength=len(metric.centroids)).double()
        masses = masses.expand(len(metric.centroids)).double()
        covariances = scale**2 * torch.linalg.inv(reference.dense(metric.precisions))
        parts = reference.MultivariateNormal(metric.centroids, covariances).log_prob(z[:, None])
        return (parts + masses.log().log_softmax(0)).logsumexp(1)

    def test_diagnostics_are_filled_by_sampling(self, setup: str) -> None:
        sampler = fitted(setup)
        before = sampler.diagnostics_
        assert (before.n_codes, before.n_samples) == (60, 0)
        assert math.isnan(before.mean_overlap)
        sampler.sample_latents(50, seed=0)
        after = sampler.diagnostics_
        assert (after.n_codes, after.n_centroids, after.n_samples) == (60, len(sampler.metric_.centroids), 50)
        assert after.mean_overlap >= 1
        assert 0.4 < after.centroid_perplexity < 1.2
        assert 0 < after.centroids_reached <= 1
        assert 0 <= after.nearest_distance[0] < after.nearest_distance[1] < after.nearest_distance[2]
        assert re.search(r"^samples +50$", sampler.summary(), re.MULTILINE)

    def test_no_samples(self, setup: str) -> None:
        sampler = shared(setup)
        assert sampler.sample(0).shape == (0, 1, 4)
        none = sampler.sample_latents(0)
        assert none.z.shape == (0, 2)
        assert {len(part) for part in none if part is not None} == {0}

    def test_results_have_the_precision_of_the_posteriors(self, setup: str) -> None:
        for sampler, dtype in ((shared(setup), torch.float32), (shared_double(setup), torch.float64)):
            samples = sampler.sample_latents(3, seed=0)
            floats = [part for part in samples if isinstance(part, torch.Tensor) and part.is_floating_point()]
            assert {part.dtype for part in (*floats, *sampler.posterior_)} == {dtype}
            assert sampler.metric_.centroids.dtype == torch.float64

    def test_a_geometry_in_single_precision(self, setup: str) -> None:
        single, double = fitted(setup, dtype=torch.float32), shared(setup)
        assert single.metric_.centroids.dtype == torch.float32
        # Among so few codes the calibrated scale hangs on the draws, which differ between the types.
        assert single.temperature_ == pytest.approx(double.temperature_, rel=0.15 if setup == "calibrated" else 0.03)
        z = single.sample_latents(400, seed=0).z
        assert z.isfinite().all()
        torch.testing.assert_close(z.mean(0), double.sample_latents(400, seed=0).z.mean(0), rtol=0, atol=0.3)

    def test_on_any_device(self, setup: str, device: str) -> None:
        sampler = fitted(setup, GaussianPosterior(*(part.to(device) for part in posterior(60))))
        samples = sampler.sample_latents(20, seed=0)
        assert {part.device.type for part in samples if part is not None} == {device}
        assert sampler.metric_.centroids.device.type == device
        assert samples.z.isfinite().all()


def test_the_fit_depends_on_its_seed_alone() -> None:
    sampler = RiemannianUniformSampler(TwoHalves(), n_centroids=20, n_steps=5, n_warmup=5)
    first, again, other = (sampler.fit(data(), seed=seed).metric_ for seed in (1, 1, 2))
    assert torch.equal(first.centroids, again.centroids)
    assert first.temperature == again.temperature
    assert not torch.equal(first.centroids, other.centroids)


def test_an_island_law_is_its_mixture() -> None:
    sampler = shared("calibrated")
    law = sampler._fitted.laws[None]
    torch.testing.assert_close(law.islands.scale, IslandMixture.of(sampler.metric_).scale)
