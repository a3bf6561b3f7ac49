"""The sampler against its law: 2-d laws on a grid, higher dimensions by importance weights; broken twins must alarm."""

import math

import pytest
import torch

from benchmarks.studies import exactness
from benchmarks.studies.exactness import LAWS, Grid, make_metric, tv_ratio
from riemann_sampler import DiagonalMetric, GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.mcmc import hmc, independence
from riemann_sampler.mcmc.chains import make_kernel, run_chains
from riemann_sampler.mcmc.island_proposal import IslandProposal
from riemann_sampler.metric.components import MetricComponents
from riemann_sampler.metric.islands import IslandMixture
from riemann_sampler.metric.metric import Metric

pytestmark = pytest.mark.usefixtures("without_type_checks")  # they take longer than the chains

BOUND = 1.15
"""Total variation of 20,000 samples, over that of exact draws, a few seeds."""

QUICK = [("overlapping", 0.25)]
SLOW = [("isolated", 0.25), ("overlapping", 2.0), ("crowded", 1.0), ("unequal", 2.0), ("full", 1.0)]
"""Each law, each exponent and both structures; `python -m benchmarks exactness` measures all fifteen."""


@pytest.fixture
def _one_choice_of_steps(monkeypatch):
    """Pilot chains choose the number of steps for the first seed; the others take the same."""
    choose, chosen = exactness.choose_n_steps, []

    def choose_once(*arguments):
        if not chosen:
            chosen.append(choose(*arguments))
        return chosen[0]

    monkeypatch.setattr(exactness, "choose_n_steps", choose_once)


@pytest.mark.usefixtures("_one_choice_of_steps")
@pytest.mark.parametrize(("name", "exponent"), QUICK)
def test_two_dimensional_laws_are_exact(name, exponent):
    assert tv_ratio(make_metric(name, exponent), n_seeds=3) <= BOUND


@pytest.mark.slow
@pytest.mark.usefixtures("_one_choice_of_steps")
@pytest.mark.parametrize(("name", "exponent"), SLOW)
def test_every_two_dimensional_law_is_exact(name, exponent):
    assert tv_ratio(make_metric(name, exponent), n_seeds=3) <= BOUND


def test_every_law_is_among_them():
    assert {name for name, _ in SLOW} == set(LAWS)


def accept_always(log_ratio, _):
    return torch.ones_like(log_ratio, dtype=torch.bool)


def break_momentum(patch):
    draw = hmc.draw_momentum
    patch.setattr(hmc, "draw_momentum", lambda *arguments: 0.5 * draw(*arguments))


def break_local_acceptance(patch):
    patch.setattr(hmc, "metropolis_accept", accept_always)


def break_global_acceptance(patch):
    patch.setattr(independence, "metropolis_accept", accept_always)


def break_half(patch):
    """The density det G instead of √det G, as where the ½ is forgotten."""
    evaluate, gradient = Metric._log_volume, MetricComponents.half_gradient

    def broken(*arguments):
        log_volume, *rest = evaluate(*arguments)
        return 2 * log_volume, *rest

    patch.setattr(Metric, "_log_volume", broken)
    patch.setattr(MetricComponents, "half_gradient", lambda *arguments: 2 * gradient(*arguments))


def break_floor(patch):
    """The floor added once for each centroid."""
    init = MetricComponents.__init__

    def broken(self, quadratics, **scalars):
        init(self, quadratics, **scalars)
        self._coefficients[-1] *= quadratics.n_centroids

    patch.setattr(MetricComponents, "__init__", broken)


def break_proposal_density(patch):
    """The proposal's density with the mixture's weights forgotten."""
    init = IslandProposal.__init__

    def broken(self, metric):
        init(self, metric)
        self._offsets -= self.islands.log_weights

    patch.setattr(IslandProposal, "__init__", broken)


@pytest.mark.parametrize(
    ("name", "exponent", "broken"),
    [
        pytest.param("unequal", 2.0, break_local_acceptance, marks=pytest.mark.slow),
        ("overlapping", 0.25, break_global_acceptance),
        pytest.param("isolated", 1.0, break_half, marks=pytest.mark.slow),
        ("isolated", 1.0, break_floor),
        pytest.param("unequal", 2.0, break_proposal_density, marks=pytest.mark.slow),
    ],
)
def test_broken_kernels_are_noticed(monkeypatch, name, exponent, broken):
    grid = Grid.of(make_metric(name, exponent))
    broken(monkeypatch)
    monkeypatch.setattr(Grid, "of", lambda _: grid)  # the truth is not broken along
    monkeypatch.setattr(exactness, "choose_n_steps", lambda *_: 12)  # broken chains may never converge
    assert tv_ratio(make_metric(name, exponent), n_seeds=2) > BOUND


def local_tv_ratio(metric, grid, n=20_000):
    """HMC without global moves, from exact draws (by rejection from the mixture) of a connected law."""
    generator = torch.Generator().manual_seed(0)
    islands = IslandMixture.of(metric)
    proposal = islands.sample(100_000, generator)
    log_weight = metric.log_density(proposal) - islands.log_density(proposal)
    kept = log_weight - log_weight.max() > torch.rand(100_000, dtype=torch.float64, generator=generator).log()
    start = proposal[kept][:n]
    assert len(start) == n
    kernel = make_kernel(metric, start[:256], generator, n_warmup=50, n_leapfrog_steps=5, global_moves=False)
    z, _ = run_chains(kernel, metric, start, generator, n_steps=20)
    return grid.total_variation(grid.histogram(z)) / grid.exact_total_variation(n, 0)


@pytest.mark.parametrize(("broken", "exact"), [(None, True), (break_momentum, False), (break_local_acceptance, False)])
def test_local_moves_alone_leave_the_law_alone(monkeypatch, broken, exact):
    metric = make_metric("overlapping", 1.0)
    grid = Grid.of(metric)
    if broken:
        broken(monkeypatch)
    assert (local_tv_ratio(metric, grid) <= BOUND) == exact


def overlapping_law(dim):
    """A metric whose law differs from its islands, but not so much that importance weights fail."""
    generator = torch.Generator().manual_seed(dim)
    centroids = torch.randn(20, dim, dtype=torch.float64, generator=generator) * 1.2
    precisions = 1 + 3 * torch.rand(20, dim, dtype=torch.float64, generator=generator)
    temperature = 0.75 * math.sqrt(dim)
    return DiagonalMetric(centroids, precisions, temperature=temperature, regularization=1e-4, decay=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [3, 8])
def test_marginals_agree_with_importance_weights(dim):
    """Mean, spread and distribution function of every coordinate, within Monte-Carlo error of both sides."""
    metric = overlapping_law(dim)
    islands = IslandMixture.of(metric)
    generator = torch.Generator().manual_seed(0)
    reference = islands.sample(200_000, generator)
    log_weight = metric.log_density(reference) - islands.log_density(reference)
    weight = (log_weight - log_weight.logsumexp(0)).exp()
    assert 1 / weight.square().sum() > 20_000  # the reference is worth this many exact draws

    start = metric.centroids[:1].expand(20_000, dim)
    kernel = make_kernel(metric, start[:256], generator, n_warmup=50, n_leapfrog_steps=5, global_moves=True)
    z, _ = run_chains(kernel, metric, start, generator, n_steps=30)

    cuts = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], dtype=torch.float64)

    def statistics(x):
        return torch.cat([x, x.square(), (x[:, :, None] < cuts).double().flatten(1)], 1)

    ours, theirs = statistics(z), statistics(reference)
    expected = weight @ theirs
    error = (ours.var(0) / len(z) + (weight.square() @ (theirs - expected).square())).sqrt()
    scores = (ours.mean(0) - expected) / error
    assert scores.abs().max() < 4.5
    # The law itself must differ from its proposal, or this would show little.
    unweighted = (theirs.mean(0) - expected) / (theirs.var(0) / len(z)).sqrt()
    assert unweighted.abs().max() > 6


@pytest.mark.slow
def test_the_public_sampler_is_exact_too():
    """From posteriors to samples with the default settings, against the grid of the fitted metric."""
    generator = torch.Generator().manual_seed(5)
    mean = torch.randn(60, 2, dtype=torch.float64, generator=generator)
    log_variance = -4 + 0.7 * torch.randn(60, 2, dtype=torch.float64, generator=generator)
    sampler = RiemannianUniformSampler(temperature=1.2).fit(GaussianPosterior(mean, log_variance))
    grid = Grid.of(sampler.metric_)
    ratios = [
        grid.total_variation(grid.histogram(sampler.sample_latents(20_000, seed=seed).z))
        / grid.exact_total_variation(20_000, seed)
        for seed in range(2)
    ]
    assert sum(ratios) / 2 <= BOUND
