"""HMC: closed-form motion, reversibility, energy order, and the law it leaves alone."""

import math

import pytest
import torch

from riemann_sampler.mcmc import hmc
from riemann_sampler.mcmc.metropolis import metropolis_accept

DEVIATION = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)


def normal(z):
    """Log density and gradient of N(0, diag(DEVIATION²))."""
    precision = DEVIATION.to(z).pow(-2)
    return -0.5 * (z.square() * precision).sum(1), -z * precision


def quartic(z):
    return -z.pow(4).sum(1) / 4, -z.pow(3)


def exact_draws(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return DEVIATION * torch.randn(n, 3, dtype=torch.float64, generator=generator), generator


def trajectory(target, z, momentum, step_size, n):
    return hmc.leapfrog(
        hmc.init(z, target),
        momentum,
        target,
        step_size=torch.full((1, 1), step_size, dtype=torch.float64),
        inverse_mass=torch.ones(z.shape[1], dtype=torch.float64),
        n_leapfrog_steps=n,
    )


def energies(target, z, momentum, step_size, n):
    end, end_momentum = trajectory(target, z, momentum, step_size, n)
    return (-end.log_density + 0.5 * end_momentum.square().sum(1)) - (-target(z)[0] + 0.5 * momentum.square().sum(1))


@pytest.fixture
def phase():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 50, 3, dtype=torch.float64, generator=generator).unbind(0)


def test_leapfrog_follows_the_harmonic_oscillator():
    start = torch.tensor([[1.0]], dtype=torch.float64)

    def oscillator(z):
        return -0.5 * z.square().sum(1), -z

    end, momentum = trajectory(oscillator, start, torch.zeros_like(start), 1e-3, 700)
    assert end.position.item() == pytest.approx(math.cos(0.7), abs=1e-6)
    assert momentum.item() == pytest.approx(-math.sin(0.7), abs=1e-6)


def test_leapfrog_is_reversible(phase):
    z, momentum = phase
    end, end_momentum = trajectory(quartic, z, momentum, 0.05, 20)
    back, back_momentum = trajectory(quartic, end.position, -end_momentum, 0.05, 20)
    torch.testing.assert_close(back.position, z, rtol=0, atol=1e-12)
    torch.testing.assert_close(-back_momentum, momentum, rtol=0, atol=1e-12)


def test_leapfrog_preserves_volume():
    point = torch.tensor([0.3, -0.8], dtype=torch.float64)

    def flow(phase_point):
        end, momentum = trajectory(quartic, phase_point[None, :1], phase_point[None, 1:], 0.2, 5)
        return torch.cat([end.position[0], momentum[0]])

    jacobian = torch.autograd.functional.jacobian(flow, point)
    assert torch.linalg.det(jacobian).item() == pytest.approx(1.0, abs=1e-10)


def test_half_the_step_makes_a_quarter_of_the_energy_error(phase):
    z, momentum = phase
    coarse = energies(quartic, z, momentum, 0.02, 50).abs().mean()
    fine = energies(quartic, z, momentum, 0.01, 100).abs().mean()
    assert (coarse / fine).item() == pytest.approx(4, rel=0.05)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_gradient_off_by_a_factor_breaks_the_energy_order(phase, factor):
    """The twin with a missing (or doubled) ½ in the gradient: its energy error does not shrink with the step."""

    def broken(z):
        log_density, gradient = quartic(z)
        return log_density, factor * gradient

    z, momentum = phase
    coarse = energies(broken, z, momentum, 0.02, 50).abs().mean()
    fine = energies(broken, z, momentum, 0.01, 100).abs().mean()
    assert (coarse / fine).item() == pytest.approx(1, rel=0.05)


def run_hmc(z, generator, *, n_steps=20, step_size=0.9):
    state = hmc.init(z, normal)
    infos = []
    for _ in range(n_steps):
        state, info = hmc.step(
            state,
            normal,
            generator,
            step_size=torch.tensor(step_size, dtype=torch.float64),
            inverse_mass=torch.tensor([0.3, 0.8, 5.0], dtype=torch.float64),
            n_leapfrog_steps=3,
        )
        infos.append(info)
    return state, infos


def worst_z_score(z):
    """Largest z-score of means, variances and correlations against N(0, diag(DEVIATION²)), over independent rows."""
    unit = z / DEVIATION
    pairs = torch.stack([unit[:, 0] * unit[:, 1], unit[:, 0] * unit[:, 2], unit[:, 1] * unit[:, 2]], 1)
    statistics = torch.cat([unit, (unit.square() - 1) / math.sqrt(2), pairs], 1)
    return (statistics.mean(0) * math.sqrt(len(z))).abs().max().item()


def test_chains_started_at_the_law_stay_there():
    state, infos = run_hmc(*exact_draws(40_000, 1))
    assert worst_z_score(state.position) < 4
    acceptance = torch.stack([info.acceptance for info in infos]).mean().item()
    assert 0.5 < acceptance < 0.98  # the correction is at work: neither idle nor hopeless


def test_chains_started_elsewhere_reach_the_law():
    _, generator = exact_draws(1, 2)
    state, _ = run_hmc(torch.full((40_000, 3), 2.0, dtype=torch.float64), generator, n_steps=100)
    assert worst_z_score(state.position) < 4


def test_halved_momentum_is_noticed(monkeypatch):
    """The published code's momentum: N(0, ¼ M) against a kinetic energy that belongs to N(0, M)."""
    draw = hmc.draw_momentum
    monkeypatch.setattr(hmc, "draw_momentum", lambda *arguments: 0.5 * draw(*arguments))
    assert worst_z_score(run_hmc(*exact_draws(40_000, 1))[0].position) > 20


def test_accepting_always_is_noticed(monkeypatch):
    monkeypatch.setattr(hmc, "metropolis_accept", lambda log_ratio, _: torch.ones_like(log_ratio, dtype=torch.bool))
    assert worst_z_score(run_hmc(*exact_draws(40_000, 1))[0].position) > 20


def test_metropolis_accepts_at_its_rate_and_rejects_nan():
    log_ratio = torch.full((100_000,), math.log(0.3), dtype=torch.float64)
    rate = metropolis_accept(log_ratio, torch.Generator().manual_seed(0)).double().mean().item()
    assert rate == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 100_000))
    assert metropolis_accept(log_ratio * 0 + 1.0, torch.Generator().manual_seed(0)).all()
    assert not metropolis_accept(log_ratio * math.nan, torch.Generator().manual_seed(0)).any()


def test_a_chain_that_meets_nan_rejects_and_leaves_the_others_alone():
    def cliff(z):
        log_density, gradient = normal(z)
        return torch.where(z[:, 0] > 5, torch.nan, log_density), gradient

    z, _ = exact_draws(100, 3)
    z[0, 0] = 4.99
    arguments = {
        "step_size": torch.tensor(0.5, dtype=torch.float64),
        "inverse_mass": DEVIATION.square(),
        "n_leapfrog_steps": 3,
    }

    def thrown(state):  # the first chain is pushed over the edge
        return state._replace(gradient=state.gradient.index_fill(0, torch.tensor([0]), 1e3))

    generator = torch.Generator().manual_seed(0)
    state, info = hmc.step(thrown(hmc.init(z, cliff)), cliff, generator, **arguments)
    expected, _ = hmc.step(hmc.init(z, normal), normal, torch.Generator().manual_seed(0), **arguments)
    assert info.is_divergent.nonzero().tolist() == [[0]]
    assert info.acceptance[0] == 0
    assert torch.equal(state.position[0], z[0])
    assert torch.equal(state.position[1:], expected.position[1:])


@pytest.mark.parametrize("first_guess", [0.05, 1.0, 5.0])
def test_dual_averaging_finds_the_target_acceptance(first_guess):
    z, generator = exact_draws(500, 4)
    state, adaptation = hmc.init(z, normal), hmc.init_step_size(first_guess, z)
    arguments = {"inverse_mass": torch.ones(3, dtype=torch.float64), "n_leapfrog_steps": 5}
    for _ in range(50):
        state, info = hmc.step(state, normal, generator, step_size=adaptation.log_step_size.exp(), **arguments)
        adaptation = hmc.adapt_step_size(adaptation, info.acceptance)
    rates = []
    for _ in range(20):
        state, info = hmc.step(state, normal, generator, step_size=adaptation.log_average.exp(), **arguments)
        rates.append(info.acceptance.mean().item())
    assert sum(rates) / len(rates) == pytest.approx(0.8, abs=0.05)
