"""How far the variations of `LatentAugment` go."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from scipy.stats import kstest
from torch import Tensor

from riemann_sampler import LatentAugment, RiemannianUniformSampler
from riemann_sampler.augmentation import latent_augment as module
from riemann_sampler.geometry import brownian_walk
from riemann_sampler.metric.islands import island_scale
from tests.helpers.augment_cases import N, codes, of_two_classes
from tests.helpers.builders import data, fitted, normal, shared


@cache
def isolated() -> RiemannianUniformSampler:
    """One with islands far apart."""
    return fitted("calibrated", data(20, spread=100.0), island_scale=0.7)


@cache
def crowded() -> RiemannianUniformSampler:
    """One whose islands lie on top of one another, all of the same width."""
    return fitted("calibrated", torch.cat([0.3 * normal(150, 2), torch.zeros(150, 2)], 1).float(), island_scale=2.0)


def standardize(augment: LatentAugment, x: Tensor, radius: float) -> Tensor:
    """Deviations of the variations of data, in the deviations that they should have."""
    return (codes(augment(x)) - x[:, :2]) / (radius * (0.5 * x[:, 2:]).exp())


def is_standard_normal(values: Tensor) -> bool:
    assert abs(float(torch.corrcoef(values.T)[0, 1])) < 4 / len(values) ** 0.5
    return min(kstest(column.numpy(), "norm").pvalue for column in values.T) > 1e-3


@pytest.mark.parametrize("radius", [0.3, 2.0])
def test_resampling_is_by_the_posterior(radius: float) -> None:
    augment = LatentAugment(shared("calibrated"), probability=1.0, radius=radius, method="resample", seed=0)
    assert is_standard_normal(standardize(augment, data(N, seed=5), radius))


def test_the_radius_is_the_island_scale_of_the_sampler() -> None:
    metric = isolated().metric_
    assert island_scale(metric.temperature, 1.0, 2) == pytest.approx(0.7)
    augment = LatentAugment(isolated(), probability=1.0, method="resample", seed=0)
    assert is_standard_normal(standardize(augment, data(N), 0.7))
    other = fitted("uniform", volume_exponent=0.5, temperature=0.4)
    augment = LatentAugment(other, probability=1.0, method="resample", seed=0)
    assert is_standard_normal(standardize(augment, data(N), 0.4))


@pytest.mark.parametrize("make", [isolated, crowded])
def test_short_walks_spread_as_the_posterior(make: Callable[[], RiemannianUniformSampler]) -> None:
    """However many islands there are, the median code goes as far as was asked for."""
    sampler = make()
    middle = sampler.posterior_.mean.norm(dim=1).argsort()[len(sampler.posterior_.mean) // 2]
    x = torch.cat([part[middle] for part in sampler.posterior_]).expand(N, 4)
    found = standardize(LatentAugment(sampler, probability=1.0, radius=0.02, seed=0), x, 0.02)
    assert 0.95 < found.std() < 1.05
    assert is_standard_normal(found / found.std())


@pytest.mark.parametrize("structure", ["diagonal", "full"])
def test_the_crowding_is_the_number_of_islands(structure: str) -> None:
    threes = data(20, spread=100.0).repeat_interleave(3, 0) + 0.05 * normal(60, 4).float()
    triples = fitted("calibrated", threes, island_scale=0.7)
    sampler = triples if structure == "diagonal" else fitted("local", covariance_structure="full")
    metric = sampler.metric_
    inverse = torch.linalg.inv(metric.precisions) if structure == "full" else torch.diag_embed(1 / metric.precisions)
    traces = torch.stack([(g @ c).trace() for g, c in zip(metric.tensor(metric.centroids), inverse, strict=True)])
    assert module._crowding(metric) == pytest.approx(float(traces.median()) / 2)
    if structure == "diagonal":
        assert module._crowding(metric) == pytest.approx(2.9, abs=0.2)
        assert module._crowding(isolated().metric_) == pytest.approx(1.0, rel=1e-3)


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Tensor, dict[str, Any]]]:
    """The walks that were asked for."""
    seen = []

    def walk(metric: Any, start: Tensor, **arguments: Any) -> Any:
        seen.append((metric, start, arguments))
        return brownian_walk(metric, start, **arguments)

    monkeypatch.setattr(module, "brownian_walk", walk)
    return seen


def test_walks_are_those_of_the_metric(walks: list[Any]) -> None:
    x = data(30)
    found = LatentAugment(shared("calibrated"), probability=1.0, radius=0.5, n_steps=4, seed=0)(x)
    [(metric, start, arguments)] = walks
    assert metric is shared("calibrated").metric_
    assert torch.equal(start, x[:, :2])
    assert arguments["n_steps"] == 4
    assert arguments["time"] == pytest.approx(0.25 * module._crowding(metric))
    expected = brownian_walk(metric, start, **arguments).points[:, -1].float()
    assert torch.equal(codes(found), expected)


def test_each_row_walks_in_the_metric_of_its_class(walks: list[Any]) -> None:
    sampler, x = of_two_classes(), data(60, seed=3)
    labels = torch.tensor([0, 1, 1] * 20)
    LatentAugment(sampler, probability=1.0, seed=0)((x, labels))
    assert len(walks) == 2
    for label, (metric, start, arguments) in zip((0, 1), walks, strict=True):
        assert metric is sampler.metric_[label]
        assert torch.equal(start, x[labels == label, :2])
        radius = island_scale(metric.temperature, 1.0, 2)
        assert arguments["time"] == pytest.approx(radius**2 * module._crowding(metric))
    assert walks[0][2]["seed"] != walks[1][2]["seed"]


def test_each_row_goes_as_far_as_its_class() -> None:
    sampler, x, labels = of_two_classes(), data(N), torch.arange(N) % 2
    found = LatentAugment(sampler, probability=1.0, method="resample", seed=0)((x, labels))[0]
    deviation = (codes(found) - x[:, :2]) / (0.5 * x[:, 2:]).exp()
    scales = [island_scale(sampler.temperature_[label], 1.0, 2) for label in (0, 1)]
    assert max(scales) > 1.2 * min(scales)
    for label, scale in enumerate(scales):
        assert is_standard_normal(deviation[labels == label] / scale)
