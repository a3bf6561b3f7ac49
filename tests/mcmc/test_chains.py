"""How long chains run: step sizes that settle, numbers of steps that suffice, chains that do not disturb each other."""

import pytest
import torch

from benchmarks.studies.exactness import make_metric
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.errors import ConvergenceWarning
from riemann_sampler.laws.fit import PILOT_CHAINS
from riemann_sampler.mcmc import adaptation, chains
from riemann_sampler.mcmc.island_proposal import IslandProposal
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import generator, posterior


def kernel_of(metric, *, global_moves=True, n_warmup="auto", seed=0):
    start = IslandProposal(metric).sample(256, generator(seed))
    return chains.make_kernel(
        metric, start, generator(seed), n_warmup=n_warmup, n_leapfrog_steps=2, global_moves=global_moves
    )


@pytest.mark.parametrize(("name", "exponent"), [("isolated", 1.0), ("unequal", 2.0)])
def test_the_step_size_settles_where_a_long_warm_up_takes_it(name, exponent):
    metric = make_metric(name, exponent)
    assert kernel_of(metric).step_size == pytest.approx(kernel_of(metric, n_warmup=100).step_size, rel=0.15)


def test_the_warm_up_ends_when_the_step_size_has_settled(monkeypatch):
    steps = []
    step = chains.hmc.step
    monkeypatch.setattr(chains.hmc, "step", lambda *a, **k: steps.append(1) or step(*a, **k))
    kernel_of(make_metric("isolated", 1.0))
    assert adaptation.LEAST_WARM_UP <= len(steps) < adaptation.MOST_WARM_UP


def chosen(metric, *, global_moves=True):
    kernel = kernel_of(metric, global_moves=global_moves)
    start = IslandProposal(metric).sample(PILOT_CHAINS, generator(1))
    return chains.choose_n_steps(kernel, metric, start, generator(2))


def test_isolated_islands_need_the_fewest_steps():
    assert chosen(make_metric("isolated", 1.0)) == chains.LEAST_STEPS


def test_a_law_far_from_its_islands_needs_more():
    """Its mass gathers where tilted islands cross, and chains stick there."""
    assert chosen(make_metric("full", 2.0)) > 1.5 * chains.LEAST_STEPS


def test_chains_that_cannot_converge_say_so(monkeypatch):
    monkeypatch.setattr(chains, "MOST_STEPS", 40)
    with pytest.warns(ConvergenceWarning, match=r"after 40 steps .* split R-hat of the log density is \d\.\d+, 1\.007"):
        assert chosen(make_metric("unequal", 1.0), global_moves=False) == 40


def test_the_chosen_number_is_used_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(chains, "LEAST_STEPS", 14)
    sampler = RiemannianUniformSampler(n_centroids=20, n_warmup=10).fit(posterior(60))
    drawn = sampler.sample_latents(64, seed=1)
    n_steps = sampler.diagnostics_.n_steps
    assert n_steps >= chains.LEAST_STEPS
    sampler.save(tmp_path)
    again = RiemannianUniformSampler.load(tmp_path)
    assert torch.equal(again.sample_latents(64, seed=1).z, drawn.z)
    assert again.diagnostics_.n_steps == n_steps
    fixed = RiemannianUniformSampler(n_centroids=20, n_steps=n_steps, n_warmup=10).fit(posterior(60))
    assert torch.equal(fixed.sample_latents(64, seed=1).z, drawn.z)


def test_a_chain_whose_density_is_nan_rejects_and_the_others_go_on(monkeypatch):
    """NaN appears beyond a plane: chains that would cross it stay, those that never try are not disturbed by a bit."""
    metric = make_metric("overlapping", 1.0)
    kernel = kernel_of(metric, global_moves=False)
    start = IslandProposal(metric).sample(400, generator(3))
    start = start[start[:, 0] < 0.9]
    sound, _ = chains.run_chains(kernel, metric, start, generator(4), n_steps=1)
    log_volume = Metric._log_volume_and_gradient

    def faulty(self, z):
        values, gradient = log_volume(self, z)
        fault = z[:, 0] > 1
        return torch.where(fault, torch.nan, values), torch.where(fault[:, None], torch.nan, gradient)

    monkeypatch.setattr(Metric, "_log_volume_and_gradient", faulty)
    z, info = chains.run_chains(kernel, metric, start, generator(4), n_steps=1)
    assert torch.isfinite(z).all()
    assert (z[:, 0] <= 1).all()
    quiet = info.n_divergent == 0
    assert len(start) / 2 < quiet.sum() < len(start)
    assert torch.equal(z[quiet], sound[quiet])
    assert torch.equal(z[~quiet], start[~quiet])
