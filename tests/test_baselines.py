"""Every sampler of the benchmarks through the same interface."""

import pytest
import torch

from benchmarks.baselines import SAMPLERS, AggregatePosterior, FittedMixture, LatentSampler, StandardNormal
from riemann_sampler import GaussianPosterior


@pytest.fixture(scope="module")
def posterior() -> GaussianPosterior:
    """Two groups of codes, far apart and of unequal size."""
    generator = torch.Generator().manual_seed(0)
    first = torch.arange(300) % 3 == 0
    mean = torch.where(first[:, None], 8.0, -2.0) + 0.5 * torch.randn(300, 2, generator=generator)
    return GaussianPosterior(mean, torch.full((300, 2), -2.0))


@pytest.mark.parametrize("name", SAMPLERS)
def test_keeps_the_interface(posterior: GaussianPosterior, name: str) -> None:
    sampler = SAMPLERS[name]()
    assert sampler.fit(posterior, 0) is sampler
    z = sampler.sample(50, 1)
    assert z.shape == (50, 2)
    assert z.dtype == posterior.mean.dtype
    assert torch.equal(z, SAMPLERS[name]().fit(posterior, 0).sample(50, 1))
    assert not torch.equal(z.sort(0).values, sampler.sample(50, 2).sort(0).values)


@pytest.mark.parametrize("name", sorted(set(SAMPLERS) - {"N(0, I)"}))
def test_draws_are_in_random_order(posterior: GaussianPosterior, name: str) -> None:
    first = SAMPLERS[name]().fit(posterior, 0).sample(400, 1)[:, 0] > 3
    share = first.double().mean().item()
    assert 0.1 < share < 0.9
    expected = 2 * share * (1 - share) * 399
    changes = int((first[1:] != first[:-1]).sum())
    assert changes == pytest.approx(expected, abs=5 * expected**0.5)


def test_standard_normal(posterior: GaussianPosterior) -> None:
    z = StandardNormal().fit(posterior, 0).sample(40_000, 0)
    torch.testing.assert_close(z.mean(0), torch.zeros(2), atol=0.03, rtol=0)
    torch.testing.assert_close(z.T.cov(), torch.eye(2), atol=0.05, rtol=0)


@pytest.mark.parametrize("sampler", [AggregatePosterior(), FittedMixture(2)], ids=["aggregate", "mixture"])
def test_law_of_posteriors_at_two_places(sampler: LatentSampler) -> None:
    """A third of the mass at (8, 8) with standard deviation 0.8, the rest at (-2, -2) with 0.2."""
    n = 6_000
    first = torch.arange(n) % 3 == 0
    mean = torch.where(first[:, None], 8.0, -2.0).expand(n, 2)
    deviation = torch.where(first[:, None], 0.8, 0.2).expand(n, 2)
    z = sampler.fit(GaussianPosterior(mean, 2 * deviation.log()), 0).sample(20_000, 0)
    reached = z[:, 0] > 3
    assert reached.double().mean().item() == pytest.approx(1 / 3, abs=0.02)
    for part, centre, width in ((z[reached], 8.0, 0.8), (z[~reached], -2.0, 0.2)):
        torch.testing.assert_close(part.mean(0), torch.full((2,), centre), atol=0.1 * width, rtol=0)
        torch.testing.assert_close(part.T.cov(), width**2 * torch.eye(2), atol=0.1 * width**2, rtol=0)
