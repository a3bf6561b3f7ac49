"""Near copies: counted as their definition says, by brute force; copies are found, fresh data are not."""

import math

import pytest
import torch
from torch import Tensor

from riemann_sampler import GaussianPosterior
from riemann_sampler.laws import novelty
from riemann_sampler.laws.novelty import near_copies
from tests.helpers.builders import normal, posterior


def by_definition(codes: GaussianPosterior, z: Tensor) -> float:
    """Draw by draw and code by code."""
    mean, precision = codes.mean, (-codes.log_variance).exp()

    def distances(point: Tensor) -> Tensor:
        return ((point - mean).square() * precision).sum(1).sqrt()

    copies = 0
    for point in z:
        distance = distances(point)
        code = int(distance.argmin())
        spacing = distances(mean[code])
        spacing[code] = torch.inf
        copies += bool(distance[code] < 0.5 * spacing.min())
    return copies / len(z)


@pytest.mark.parametrize("rows", [7, 4096])
def test_near_copies_by_their_definition(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "CODES_AT_A_TIME", rows)
    codes, z = posterior(60, 3), normal(200, 3, seed=5)
    found = near_copies(codes, z)
    assert found.of_draws == pytest.approx(by_definition(codes, z))
    assert 0 < found.of_draws < 1


def test_codes_are_compared_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "CODES_AT_A_TIME", 13)
    codes = posterior(40, 3)
    every = [
        by_definition(GaussianPosterior(*(part[torch.arange(40) != i] for part in codes)), codes.mean[i : i + 1])
        for i in range(40)
    ]
    assert near_copies(codes, codes.mean[:1]).of_codes == pytest.approx(sum(every) / 40)


def test_copies_are_near_copies_and_fresh_data_are_as_codes_are() -> None:
    every = posterior(3000, 6, seed=3)
    codes = GaussianPosterior(*(part[:2000] for part in every))
    copies = near_copies(codes, codes.mean[:500] + 1e-3)
    assert copies.of_draws == 1
    fresh = near_copies(codes, every.mean[2000:])
    assert abs(fresh.of_draws - fresh.of_codes) < 4 * math.sqrt(0.25 / 300)
    assert fresh.of_draws < 0.2


def test_codes_that_coincide_are_one() -> None:
    codes = posterior(30, 3)
    twice = GaussianPosterior(*(torch.cat([part, part]) for part in codes))
    z = normal(100, 3, seed=2)
    assert near_copies(twice, z).of_draws == near_copies(codes, z).of_draws


@pytest.mark.parametrize("n_codes", [1, 2])
def test_too_few_codes_do_not_tell(n_codes: int) -> None:
    assert all(map(math.isnan, near_copies(posterior(n_codes), normal(5, 2))))


def test_many_codes_are_compared_with_fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "PAIRS", 60 * 110)
    codes, z = posterior(60, 3), normal(500, 3, seed=1)
    assert near_copies(codes, z).of_draws == pytest.approx(by_definition(codes, z[:110]))
