"""Global moves: exact for any proposal density, and only with the right one."""

import math

import pytest
import torch

from riemann_sampler.mcmc import independence


class Normal:
    """Proposal N(mean, deviation²) for N(0, 1); its density can be told wrongly."""

    def __init__(self, mean, deviation, told_deviation=None):
        self.mean, self.deviation, self.told = mean, deviation, told_deviation or deviation

    def sample(self, n, generator):
        return self.mean + self.deviation * torch.randn(n, 1, dtype=torch.float64, generator=generator)

    def log_weight(self, z):
        log_proposal = -0.5 * ((z - self.mean) / self.told).square().sum(1) - math.log(self.told)
        return -0.5 * z.square().sum(1) - log_proposal


def worst_z_score(proposal, n=40_000, n_steps=10):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(n, 1, dtype=torch.float64, generator=generator)
    state = independence.init(start, proposal)
    for _ in range(n_steps):
        state, _ = independence.step(state, proposal, generator)
    z = state.position[:, 0]
    scores = z.mean() * math.sqrt(n), (z.square() - 1).mean() * math.sqrt(n / 2)
    return max(abs(score.item()) for score in scores)


@pytest.mark.parametrize("proposal", [Normal(0, 1), Normal(0.5, 1.5), Normal(-1, 3)])
def test_the_law_is_left_alone(proposal):
    assert worst_z_score(proposal) < 4


def test_a_wrong_proposal_density_is_noticed():
    assert worst_z_score(Normal(0.0, 1.5, told_deviation=1.2)) > 20


def test_accepting_always_is_noticed(monkeypatch):
    monkeypatch.setattr(independence, "metropolis_accept", lambda ratio, _: torch.ones_like(ratio, dtype=torch.bool))
    assert worst_z_score(Normal(0.5, 1.5)) > 20


def test_a_proposal_equal_to_the_law_is_always_accepted():
    z = torch.linspace(-3, 3, 50, dtype=torch.float64)[:, None]
    proposal = Normal(0, 1)
    moved, acceptance = independence.step(independence.init(z, proposal), proposal, torch.Generator().manual_seed(0))
    torch.testing.assert_close(acceptance, torch.ones_like(acceptance))
    assert not (moved.position == z).any()


def test_what_the_state_caches_is_what_is_at_its_positions():
    generator, proposal = torch.Generator().manual_seed(0), Normal(0.5, 2)
    state = independence.init(torch.randn(500, 1, dtype=torch.float64, generator=generator), proposal)
    moved, acceptance = independence.step(state, proposal, generator)
    assert torch.equal(moved.log_weight, proposal.log_weight(moved.position))
    stayed = (moved.position == state.position)[:, 0]
    assert 0 < stayed.sum() < 500  # both happen
    assert (acceptance[stayed] < 1).all()


def test_a_proposal_without_a_weight_is_rejected_and_spares_the_others():
    class Sometimes(Normal):
        def log_weight(self, z):
            return torch.where(z[:, 0] > 0.5, torch.nan, super().log_weight(z))

    start = torch.zeros(500, 1, dtype=torch.float64)
    sound, faulty = Normal(0.5, 2), Sometimes(0.5, 2)
    expected, _ = independence.step(independence.init(start, sound), sound, torch.Generator().manual_seed(0))
    moved, acceptance = independence.step(independence.init(start, faulty), faulty, torch.Generator().manual_seed(0))
    faults = faulty.sample(500, torch.Generator().manual_seed(0))[:, 0] > 0.5
    assert faults.any()
    assert (moved.position[faults] == 0).all()
    assert (acceptance[faults] == 0).all()
    assert torch.equal(moved.position[~faults], expected.position[~faults])
