"""The samplers of a latent space draw from the laws that they name."""

import pytest
import torch

from benchmarks.samplers import baselines
from benchmarks.samplers.baselines import (
    AggregatePosterior,
    FittedMixture,
    NoisyMean,
    PublishedDynamics,
    StandardNormal,
)
from benchmarks.samplers.interface import LatentSampler
from riemann_sampler import GaussianPosterior
from tests.helpers.builders import posterior


def two_places(*deviations: float, n: int = 6_000) -> GaussianPosterior:
    """A third of the means at (8, 8), the rest at (-2, -2); posterior standard deviations there."""
    first = (torch.arange(n) % 3 == 0)[:, None]
    mean = torch.where(first, 8.0, -2.0).expand(n, 2)
    deviation = torch.where(first, *deviations).expand(n, 2)
    return GaussianPosterior(mean, 2 * deviation.log())


def assert_two_normals(z: torch.Tensor, *widths: float) -> None:
    """A third of the draws are normal around (8, 8), the rest around (-2, -2)."""
    reached = z[:, 0] > 3
    assert reached.double().mean().item() == pytest.approx(1 / 3, abs=0.02)
    for part, centre, width in zip((z[reached], z[~reached]), (8.0, -2.0), widths, strict=True):
        torch.testing.assert_close(part.mean(0), torch.full((2,), centre), atol=0.1 * width, rtol=0)
        torch.testing.assert_close(part.T.cov(), width**2 * torch.eye(2), atol=0.1 * width**2, rtol=0)


def test_standard_normal() -> None:
    z = StandardNormal().fit(two_places(0.8, 0.2), 0).sample(40_000, 0)
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=0.03, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(2), atol=0.05, rtol=0)


@pytest.mark.parametrize("sampler", [AggregatePosterior(), FittedMixture(2)], ids=["aggregate", "mixture"])
def test_law_of_posteriors_at_two_places(sampler: LatentSampler) -> None:
    assert_two_normals(sampler.fit(two_places(0.8, 0.2), 0).sample(20_000, 0), 0.8, 0.2)


def test_noise_around_means_is_not_that_of_the_posteriors() -> None:
    assert_two_normals(NoisyMean(0.5).fit(two_places(0.8, 0.2), 0).sample(20_000, 0), 0.5, 0.5)


def test_published_chains_stray_from_training_codes() -> None:
    """Their density is flat where posteriors are wide: a random walk of standard deviation √100 · 0.1 · 0.5."""
    assert_two_normals(PublishedDynamics().fit(two_places(100.0, 100.0), 0).sample(3_000, 0), 0.5, 0.5)


def test_published_constants(monkeypatch: pytest.MonkeyPatch) -> None:
    data = posterior(150, 3)
    calls = []
    monkeypatch.setattr(
        baselines, "published_samples", lambda *arguments, **scalars: calls.append((arguments, scalars)) or arguments[0]
    )
    PublishedDynamics().fit(data, 0).sample(2, 0)
    [((codes, centroids, precisions), scalars)] = calls
    rows = (centroids[:, None] == data.mean).all(2).nonzero()[:, 1]
    assert 90 <= len(rows) == len(centroids) <= 100
    torch.testing.assert_close(precisions, (-data.log_variance[rows]).exp())
    assert codes is data.mean
    distances = torch.cdist(centroids, centroids).fill_diagonal_(torch.inf)
    assert scalars["temperature"] == pytest.approx(distances.min(1).values.max().item(), rel=1e-5)
    assert scalars["regularization"] == 0.01


def test_published_chains_are_run_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def chains(*_: object, n_samples: int, generator: torch.Generator, **__: object) -> torch.Tensor:
        sizes.append(n_samples)
        return torch.randn(n_samples, 3, generator=generator)

    monkeypatch.setattr(baselines, "published_samples", chains)
    z = PublishedDynamics().fit(posterior(150, 3), 0).sample(2_300, 5)
    assert sizes == [1_000, 1_000, 300]
    assert len(z.unique(dim=0)) == 2_300
