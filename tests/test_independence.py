"""Global moves: exact for any proposal density, and only with the right one."""

import math

import pytest
import torch

from riemann_sampler import hmc, independence


class Normal:
    """Proposal N(mean, deviation²) in one dimension; its density can be told wrongly."""

    def __init__(self, mean, deviation, told_deviation=None):
        self.mean, self.deviation, self.told = mean, deviation, told_deviation or deviation

    def sample(self, n, generator):
        return self.mean + self.deviation * torch.randn(n, 1, dtype=torch.float64, generator=generator)

    def log_density(self, z):
        return -0.5 * ((z - self.mean) / self.told).square().sum(1) - math.log(self.told)


def standard_normal(z):
    return -0.5 * z.square().sum(1), -z


def worst_z_score(proposal, n=40_000, n_steps=10):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(n, 1, dtype=torch.float64, generator=generator)
    state = hmc.init(start, standard_normal)
    for _ in range(n_steps):
        state, _ = independence.step(state, standard_normal, proposal, generator)
    z = state.position[:, 0]
    scores = z.mean() * math.sqrt(n), (z.square() - 1).mean() * math.sqrt(n / 2)
    return max(abs(score.item()) for score in scores)


@pytest.mark.parametrize("proposal", [Normal(0, 1), Normal(0.5, 1.5), Normal(-1, 3)])
def test_the_law_is_left_alone(proposal):
    assert worst_z_score(proposal) < 4


def test_a_wrong_proposal_density_is_noticed():
    assert worst_z_score(Normal(0.0, 1.5, told_deviation=1.2)) > 20


def test_accepting_always_is_noticed(monkeypatch):
    monkeypatch.setattr(independence, "metropolis", lambda ratio, _: torch.ones_like(ratio, dtype=torch.bool))
    assert worst_z_score(Normal(0.5, 1.5)) > 20


def test_a_proposal_equal_to_the_law_is_always_accepted():
    z = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None]
    state = hmc.init(z, standard_normal)
    moved, acceptance = independence.step(state, standard_normal, Normal(0, 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(acceptance, torch.ones_like(acceptance))
    assert not (moved.position == z).any()


def test_what_the_state_caches_is_what_is_at_its_positions():
    generator = torch.Generator().manual_seed(0)
    state = hmc.init(torch.randn(500, 1, dtype=torch.float64, generator=generator), standard_normal)
    moved, _ = independence.step(state, standard_normal, Normal(0.5, 2), generator)
    log_density, gradient = standard_normal(moved.position)
    assert torch.equal(moved.log_density, log_density)
    assert torch.equal(moved.gradient, gradient)
