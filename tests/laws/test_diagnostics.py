"""R-hat and effective sample size against arviz-stats and literal sums, and the figures of a hand-made case."""

import math
from dataclasses import fields, replace
from itertools import product

import numpy as np
import pytest
import torch
from arviz_stats.base import array_stats

from riemann_sampler import Diagnostics, DiagonalMetric
from riemann_sampler.laws.diagnostics import describe, effective_sample_size, split_r_hat
from riemann_sampler.laws.law import Draws, IslandLaw, VolumeLaw
from riemann_sampler.mcmc.chains import Kernel
from riemann_sampler.metric.islands import IslandMixture
from tests.helpers import reference


def autoregressive(correlation: float, steps: int, chains: int, seed: int = 0) -> np.ndarray:
    """Stationary AR(1) chains of unit variance."""
    noise = np.random.default_rng(seed).normal(size=(steps, chains))
    trace = noise.copy()
    for t in range(1, steps):
        trace[t] = correlation * trace[t - 1] + math.sqrt(1 - correlation**2) * noise[t]
    return trace


def stuck(steps: int, chains: int) -> np.ndarray:
    """Each chain near a value of its own."""
    return autoregressive(0.3, steps, chains) + np.arange(chains)


TRACES = {
    "iid": autoregressive(0.0, 1000, 4),
    "correlated": autoregressive(0.9, 2000, 4),
    "alternating": autoregressive(-0.5, 500, 4),
    "stuck": stuck(400, 5),
    "odd": autoregressive(0.5, 401, 6),
    "many short": autoregressive(0.5, 60, 300),
}
FEW = {f"{n} steps": autoregressive(0.7, n, 50) for n in (4, 5, 6, 7, 10, 21)}


@pytest.mark.parametrize("trace", (TRACES | FEW).values(), ids=TRACES | FEW)
def test_r_hat_is_that_of_arviz(trace: np.ndarray) -> None:
    assert split_r_hat(trace) == pytest.approx(float(array_stats.rhat(trace.T, method="split")), rel=1e-12)


@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)
def test_ess_is_near_that_of_arviz(trace: np.ndarray) -> None:
    """arviz stops the sum one term later, and leaves a factor n/(n − 1) out."""
    expected = float(array_stats.ess(trace.T, method="mean"))
    assert effective_sample_size(trace) == pytest.approx(expected, rel=0.08 if len(trace) < 100 else 0.02)


@pytest.mark.parametrize("trace", (TRACES | FEW).values(), ids=TRACES | FEW)
def test_ess_is_the_sum_as_it_is_written(trace: np.ndarray) -> None:
    assert effective_sample_size(trace) == pytest.approx(reference.effective_sample_size(trace), rel=1e-9)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_ess_of_an_autoregression_is_known(correlation: float) -> None:
    trace = autoregressive(correlation, 4000, 10)
    assert effective_sample_size(trace) == pytest.approx(40_000 * (1 - correlation) / (1 + correlation), rel=0.12)


def test_chains_that_disagree_are_seen() -> None:
    assert split_r_hat(stuck(400, 5)) > 1.5
    assert split_r_hat(autoregressive(0.3, 400, 5)) < 1.01
    assert effective_sample_size(stuck(400, 5)) < 10


def test_too_few_steps_or_no_variance_is_nan() -> None:
    for trace in (np.zeros((0, 5)), autoregressive(0.0, 3, 5), np.ones((10, 5))):
        assert math.isnan(split_r_hat(trace))
        assert math.isnan(effective_sample_size(trace))


def metric(k: int = 4) -> DiagonalMetric:
    centroids = torch.arange(k).double()[:, None] * torch.tensor([100.0, 0.0])
    ones = torch.ones_like(centroids)
    return DiagonalMetric(centroids, ones, temperature=3.0, regularization=1e-3, decay=0.5, volume_exponent=2.0)


def volume_law() -> VolumeLaw:
    kernel = Kernel(0.4, torch.ones(2, dtype=torch.float64), n_leapfrog_steps=3, global_moves=True)
    return VolumeLaw(metric(), kernel, 8, 0.9, torch.empty(0, 2, dtype=torch.float64))


def draws(trace: np.ndarray) -> Draws:
    """Four draws: two at the first centroid, one at the second, one at the fourth."""
    numbers = torch.tensor([0.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    return Draws(
        z=torch.zeros(4, 2, dtype=torch.float64),
        log_density=numbers,
        acceptance=torch.tensor([0.5, 0.7, 0.9, 0.7], dtype=torch.float64),
        global_acceptance=torch.tensor([0.2, 0.3, 0.4, 0.3], dtype=torch.float64),
        n_divergent=torch.tensor([0.0, 2.0, 0.0, 1.0], dtype=torch.float64),
        nearest_centroid=torch.tensor([0, 0, 1, 3]),
        nearest_distance=numbers,
        overlap=torch.tensor([1.0, 1.0, 2.0, 4.0], dtype=torch.float64),
        trace=torch.from_numpy(trace),
    )


def entropy_of(draw: tuple[int, ...]) -> float:
    shares = np.unique(draw, return_counts=True)[1] / len(draw)
    return float(-(shares * np.log(shares)).sum())


def test_figures_of_a_fit() -> None:
    found = describe(volume_law(), 12)
    assert found == replace(
        found,
        n_codes=12,
        n_centroids=4,
        temperature=3.0,
        relative_ess=0.9,
        step_size=0.4,
        n_steps=8,
        n_samples=0,
        n_divergent=0,
    )
    assert found.island_scale == pytest.approx(3 / math.sqrt(2 * 2))
    masses = reference.island_log_masses(metric()).softmax(0)
    assert found.floor_share == pytest.approx(float(masses[-1]))
    later = [field.name for field in fields(Diagnostics)[9:]]
    assert all(np.isnan(getattr(found, name)).all() for name in later if name != "n_divergent")


def test_figures_of_draws() -> None:
    trace = autoregressive(0.2, 6, 4)
    found = describe(volume_law(), 12, draws(trace))
    assert (found.n_codes, found.n_samples, found.n_divergent) == (12, 4, 3)
    assert found.acceptance == pytest.approx(0.7)
    assert found.global_acceptance == pytest.approx(0.3)
    assert found.mean_overlap == pytest.approx(2.0)
    assert found.centroids_reached == pytest.approx(3 / 4)
    entropy = 0.5 * math.log(2) + 2 * 0.25 * math.log(4)
    equal_use = [entropy_of(draw) for draw in product(range(4), repeat=4)]  # every way to draw four of four centroids
    assert found.centroid_perplexity == pytest.approx(math.exp(entropy - np.mean(equal_use)))
    assert found.nearest_distance == pytest.approx((0.15, 1.5, 2.85))
    assert found.log_volume_r_hat == pytest.approx(float(array_stats.rhat(trace.T, method="split")))
    assert found.log_volume_ess == pytest.approx(reference.effective_sample_size(trace))


def test_an_island_law_has_no_chain_to_speak_of() -> None:
    islands = IslandMixture(metric().quadratics, scale=1.5, log_masses=torch.zeros(4, dtype=torch.float64))
    law = IslandLaw(metric(), islands, torch.zeros(4, dtype=torch.float64))
    found = describe(law, 12, draws(np.zeros((0, 4))))
    for name in ("relative_ess", "step_size", "acceptance", "log_volume_r_hat", "log_volume_ess"):
        assert math.isnan(getattr(found, name)), name
    assert found.floor_share == 0
    assert found.centroids_reached == pytest.approx(3 / 4)


def test_no_draws_leave_the_figures_of_the_fit() -> None:
    none = Draws(*(part[..., :0] if part.ndim < 2 else part[:0] for part in draws(np.zeros((0, 4)))))
    after, before = describe(volume_law(), 12, none), describe(volume_law(), 12)
    assert repr(after) == repr(before)  # NaN is not equal to itself
