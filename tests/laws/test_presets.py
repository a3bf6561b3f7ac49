"""What a fit by each preset is, on real codes' stand-ins, as documented."""

import math
import re
from typing import Any

import pytest
import torch

from riemann_sampler import (
    DiagonalMetric,
    FloorWarning,
    FullMetric,
    GaussianPosterior,
    LatentSamples,
    RiemannianUniformSampler,
    RiemannSamplerWarning,
    TemperatureWarning,
)
from riemann_sampler.laws.temperature import nearest_temperature
from tests.helpers import reference
from tests.helpers.builders import normal, posterior

CODES = posterior(150, 8, spread=2.0)


def paper(n_centroids: int = 40) -> tuple[RiemannianUniformSampler, list[str]]:
    """The paper's set-up with fewer steps, and its warnings by kind."""
    sampler = RiemannianUniformSampler.from_preset("paper", n_centroids=n_centroids, n_steps=8, n_warmup=10)
    with pytest.warns(RiemannSamplerWarning) as caught:
        sampler.fit(CODES)
    kinds = {warning.category: str(warning.message) for warning in caught}
    return sampler, [kinds[TemperatureWarning], kinds[FloorWarning]]


def test_uniform() -> None:
    sampler = RiemannianUniformSampler.from_preset("uniform", n_steps=5, n_warmup=10).fit(CODES)
    samples, found = sampler.sample_latents(100, seed=0), sampler.diagnostics_
    assert type(sampler.metric_) is DiagonalMetric
    assert torch.equal(sampler.metric_.centroids, CODES.mean)  # fewer codes than 1,000
    assert found.relative_ess >= 0.8
    assert found.floor_share == pytest.approx(1e-3)
    assert found.global_acceptance > 0.5
    assert found.acceptance > 0.5
    assert (samples.acceptance < 1).any()


def test_uniform_reduces_many_codes() -> None:
    sampler = RiemannianUniformSampler(n_centroids=20, n_steps=5, n_warmup=5).fit(CODES)
    assert 10 < sampler.diagnostics_.n_centroids <= 20
    assert (sampler.metric_.centroids[:, None] == CODES.mean).all(2).any(1).all()  # real codes


def test_the_floor_is_as_wide_as_the_aggregate_posterior() -> None:
    metric = RiemannianUniformSampler(temperature=1.0, n_steps=5, n_warmup=5, volume_exponent=0.5).fit(CODES).metric_
    second_moment = (CODES.mean.square() + CODES.log_variance.exp()).mean()
    assert 1 / (0.5 * metric.decay * 8) == pytest.approx(float(second_moment))


def test_calibrated() -> None:
    sampler = RiemannianUniformSampler.from_preset("calibrated").fit(CODES)
    samples = sampler.sample_latents(500, seed=0)
    assert torch.equal(sampler.metric_.centroids, CODES.mean)
    assert (samples.acceptance == 1).all()
    novelty = samples.nearest_distance.median()
    own = torch.arange(150)
    among_codes = reference.nearest_distances(CODES.mean, (-CODES.log_variance).exp(), CODES.mean, own)[0].median()
    assert float(novelty) == pytest.approx(float(among_codes), rel=0.1)


def test_calibrated_islands_are_no_narrower_than_the_posteriors() -> None:
    """Overlapping posteriors, as of a model with few active units: the rule alone would give 0.3."""
    codes = GaussianPosterior(0.3 * normal(150, 8, seed=1), torch.zeros(150, 8, dtype=torch.float64))
    assert RiemannianUniformSampler.from_preset("calibrated").fit(codes).diagnostics_.island_scale == pytest.approx(1)
    wider = RiemannianUniformSampler.from_preset("clusters", island_scale="calibrated", n_centroids=5).fit(codes)
    assert wider.diagnostics_.island_scale < 0.9  # clusters have no such width of their own


@pytest.mark.parametrize("structure", ["diagonal", "full"])
def test_novelty_is_measured_by_the_posteriors_whatever_the_islands(structure: Any) -> None:
    """A third of the codes are crowded and sharp, the others far apart: islands are of very different width."""
    mean = torch.cat([0.1 * normal(30, 4, seed=1), 50 + 10 * normal(60, 4, seed=2)])
    sharp = torch.arange(90)[:, None] < 30
    codes = GaussianPosterior(mean, torch.where(sharp, -9.0, -6.0).expand(90, 4).double())
    sampler = RiemannianUniformSampler.from_preset("local", covariance_structure=structure, island_scale="calibrated")
    z = sampler.fit(codes).sample_latents(500, seed=0).z
    precisions = (-codes.log_variance).exp()
    novelty = reference.nearest_distances(codes.mean, precisions, z)[0].median()
    among_codes = reference.nearest_distances(codes.mean, precisions, codes.mean, torch.arange(90))[0].median()
    assert float(novelty) == pytest.approx(float(among_codes), rel=0.04)


def test_clusters() -> None:
    sampler = RiemannianUniformSampler.from_preset("clusters").fit(CODES)
    assert type(sampler.metric_) is FullMetric
    assert 1 <= sampler.diagnostics_.n_centroids < 20  # normal codes need few
    assert sampler.diagnostics_.island_scale == pytest.approx(1)
    z = sampler.sample_latents(3000, seed=0).z
    total = torch.cov(CODES.mean.T) + torch.diag(CODES.log_variance.exp().mean(0))
    torch.testing.assert_close(z.mean(0), CODES.mean.mean(0), rtol=0, atol=0.2)
    torch.testing.assert_close(torch.cov(z.T), total, rtol=0, atol=0.5)  # the total covariance, about 4 on the diagonal


def test_local() -> None:
    """Islands on every code; two thin lines of codes stay lines, however wide their islands are along them."""
    along = torch.linspace(-30, 30, 121, dtype=torch.float64).repeat(2)
    across = torch.where(torch.arange(242) < 121, 5.0, -5.0).double()
    codes = GaussianPosterior(torch.stack([along, across], 1), torch.full((242, 2), -6.0, dtype=torch.float64))
    sampler = RiemannianUniformSampler.from_preset("local").fit(codes)
    assert type(sampler.metric_) is FullMetric
    assert torch.equal(sampler.metric_.centroids, codes.mean)
    z = sampler.sample_latents(4000, seed=0).z
    off_line, off_code = (z[:, 1].abs() - 5).abs(), torch.cdist(z, codes.mean).amin(1)
    assert float(off_line.square().mean().sqrt()) == pytest.approx(math.exp(-3), rel=0.05)  # the posteriors' own width
    step = torch.cov(torch.stack([along[:11], across[:11]]))[0, 0].sqrt()
    assert float(step) > 10 * math.exp(-3)  # islands are long ...
    assert float(off_code.median()) > 0.1  # ... so that samples fall between codes, which are half a unit apart


def test_paper() -> None:
    sampler, _ = paper()
    samples, metric = sampler.sample_latents(100, seed=0), sampler.metric_
    assert 20 < sampler.diagnostics_.n_centroids <= 40
    assert (metric.regularization, metric.decay) == (0.01, 1e-10)
    assert sampler.temperature_ == nearest_temperature(metric.centroids)
    assert samples.global_acceptance.isnan().all()


def test_without_global_moves_chains_start_at_codes() -> None:
    """One small step from where each chain starts; the islands of five centroids are elsewhere."""
    sampler = RiemannianUniformSampler(
        n_centroids=5, global_moves=False, temperature=0.05, n_steps=1, n_leapfrog_steps=1, n_warmup=5
    )
    z = sampler.fit(CODES).sample_latents(300, seed=0).z
    distances, code = torch.cdist(z, CODES.mean).min(1)
    assert distances.max() < 0.5  # neighbours are about 3 apart
    assert len(code.unique()) > 100  # 130 of 150 are expected


def test_paper_warns_with_the_figures() -> None:
    sampler, (temperature, floor) = paper()
    found = sampler.diagnostics_
    assert f"temperature='nearest' gives {found.temperature:.3g}, " in temperature
    assert f"over its islands is {found.relative_ess:.2g}: below about 0.5" in temperature
    assert "temperature='auto' keeps it at min_ess." in temperature
    assert re.search(
        rf"regularization=0\.01, decay=1e-10\) holds a share of {found.floor_share:.3g} of the mass", floor
    )
    assert found.floor_share > 0.99


def test_a_small_floor_does_not_warn() -> None:
    """Warnings are errors here."""
    RiemannianUniformSampler(temperature=1.0, regularization=1e-12, n_steps=5, n_warmup=5).fit(CODES)


def test_a_large_floor_warns() -> None:
    sampler = RiemannianUniformSampler(temperature=1.0, floor_share=0.3, n_steps=5, n_warmup=5)
    with pytest.warns(FloorWarning, match=r"holds a share of 0\.3 of the mass"):
        sampler.fit(CODES)


def test_without_global_moves_the_diagnostics_say_so() -> None:
    """Chains that stay where they began, in modes of different volume: R-hat is far from 1."""
    sampler, _ = paper()
    sampler.sample_latents(200, seed=0)
    local = sampler.diagnostics_.log_volume_r_hat
    mixed = RiemannianUniformSampler(temperature=1.0, n_steps=30, n_warmup=10).fit(CODES)
    mixed.sample_latents(200, seed=0)
    assert local > 1.3 > mixed.diagnostics_.log_volume_r_hat


def test_fields_of_the_samples() -> None:
    names = ("z", "log_density", "acceptance", "global_acceptance", "nearest_centroid", "nearest_distance", "labels")
    assert LatentSamples._fields == names
