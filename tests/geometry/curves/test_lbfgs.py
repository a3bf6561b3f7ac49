"""The batched minimiser against problems with known minima."""

import pytest
import torch

from riemann_sampler.geometry.curves.lbfgs import minimise
from tests.helpers.builders import normal


def quadratics(n=6, p=5):
    """Bowls of conditions 1 to 10^4, and where their bottoms are."""
    scales = torch.logspace(0, 4, n, dtype=torch.float64)[:, None] ** torch.linspace(0, 1, p, dtype=torch.float64)
    bottom = normal(n, p, seed=1)

    def objective(x, rows):
        away = x - bottom[rows]
        return 0.5 * (scales[rows] * away.square()).sum(1), scales[rows] * away

    return objective, bottom


def rosenbrock(x, _):
    a, b = x[:, 0], x[:, 1]
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    return value, torch.stack([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)], 1)


def run(objective, x, max_iter=500, tolerance=1e-14):
    return minimise(objective, x, first_step=torch.full_like(x[:, 0], 0.1), max_iter=max_iter, tolerance=tolerance)


def test_bottoms_are_found() -> None:
    objective, bottom = quadratics()
    found = run(objective, torch.zeros_like(bottom))
    assert found.converged.all()
    torch.testing.assert_close(found.x, bottom, rtol=0, atol=1e-5)
    torch.testing.assert_close(found.value, torch.zeros(len(bottom), dtype=torch.float64), rtol=0, atol=1e-10)


def test_a_curved_valley_is_followed() -> None:
    found = run(rosenbrock, torch.tensor([[-1.2, 1.0], [0.0, 0.0], [2.0, -2.0]], dtype=torch.float64))
    torch.testing.assert_close(found.x, torch.ones(3, 2, dtype=torch.float64), rtol=0, atol=1e-4)


def test_curvature_is_learnt() -> None:
    """Steepest descent needs about as many steps as the condition number."""
    calls = []
    objective, bottom = quadratics()
    run(lambda x, rows: calls.append(len(rows)) or objective(x, rows), torch.zeros_like(bottom))
    assert len(calls) < 150
    assert calls[-1] < len(bottom)  # those that have ended are not evaluated


def test_rows_are_problems_of_their_own() -> None:
    objective, bottom = quadratics()
    x = torch.zeros_like(bottom)
    together = run(objective, x)
    alone = run(lambda x, rows: objective(x, rows + 3), x[3:4])
    assert alone.x.equal(together.x[3:4])
    assert alone.value.equal(together.value[3:4])


def test_too_few_steps_are_told_and_values_never_rise() -> None:
    objective, bottom = quadratics()
    start = objective(torch.zeros_like(bottom), torch.arange(6))[0]
    last = start
    for n in (0, 1, 2, 4):
        found = run(objective, torch.zeros_like(bottom), max_iter=n)
        assert (found.value <= last).all()
        assert not found.converged[-1]
        last = found.value
    assert (last < start).all()


@pytest.mark.parametrize("value_too", [True, False])
def test_a_wall_of_nan_is_not_crossed(value_too) -> None:
    def objective(x, _):
        value, gradient = (x * x).sum(1), 2 * x
        beyond = x[:, 0] < 1
        value = torch.where(beyond & value_too, torch.nan, value)
        return value, torch.where(beyond[:, None], torch.nan, gradient)

    found = run(objective, torch.tensor([[3.0, 2.0]], dtype=torch.float64))
    assert torch.isfinite(found.x).all()
    assert found.value.item() < 13
    assert found.x[0, 0] >= 1


def test_a_start_at_the_minimum_stays() -> None:
    objective, bottom = quadratics()
    found = run(objective, bottom)
    assert found.converged.all()
    assert found.x.equal(bottom)


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows(n) -> None:
    objective, bottom = quadratics()
    assert run(objective, torch.zeros_like(bottom[:n])).converged.shape == (n,)
