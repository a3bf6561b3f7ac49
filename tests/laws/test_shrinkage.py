"""What labels of few codes borrow from the others."""

import math

import pytest
import torch

from riemann_sampler import DataError, GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.laws.shrinkage import ENOUGH_CODES, Estimate, shrink_to_pooled
from riemann_sampler.metric.centroids import Centroids
from tests.helpers.builders import posterior


def estimate(n_codes: int, width: float, scale: float | None = 1.0, *, from_spread: bool = True) -> Estimate:
    """Two centroids of covariances width and 3 width, times the identity."""
    covariances = torch.tensor([[width, width], [3 * width, 3 * width]], dtype=torch.float64)
    return Estimate(n_codes, Centroids(covariances * 0, covariances, torch.ones(2)), from_spread, scale)


def test_labels_of_enough_codes_stand() -> None:
    own = {"a": estimate(ENOUGH_CODES, 1.0, 2.0), "b": estimate(500, 7.0, 3.0)}
    for label, islands in shrink_to_pooled(own).items():
        assert islands.scale == own[label].scale
        assert islands.centroids is own[label].centroids


def test_a_single_code_takes_the_pool() -> None:
    """Means over the labels, weighted by their degrees of freedom: 20 and 60."""
    islands = shrink_to_pooled({"a": estimate(21, 1.0, 2.0), "b": estimate(61, 5.0, 4.0), "z": estimate(1, 9.0, None)})[
        "z"
    ]
    assert islands.scale == pytest.approx(2.0 ** (20 / 80) * 4.0 ** (60 / 80))
    torch.testing.assert_close(islands.centroids.covariances, torch.full((2, 2), 0.25 * 2.0 + 0.75 * 10.0).double())


@pytest.mark.parametrize("n_codes", [2, 6, 10])
def test_few_codes_take_a_part(n_codes: int) -> None:
    few, many = estimate(n_codes, 1.0, 2.0), estimate(41, 5.0, 4.0)
    islands, own = shrink_to_pooled({"few": few, "many": many})["few"], (n_codes - 1) / 10
    pool = torch.tensordot(torch.tensor([n_codes - 1.0, 40.0]).double(), torch.tensor([2.0, 10.0]).double(), 1)
    pool = pool / (n_codes + 39)
    expected = own * few.centroids.covariances + (1 - own) * pool
    torch.testing.assert_close(islands.centroids.covariances, expected)
    log_pool = ((n_codes - 1) * math.log(2) + 40 * math.log(4)) / (n_codes + 39)
    assert math.log(islands.scale) == pytest.approx(own * math.log(2) + (1 - own) * log_pool)


def test_posterior_covariances_are_no_estimates() -> None:
    few = estimate(3, 1.0, 2.0, from_spread=False)
    islands = shrink_to_pooled({"few": few, "many": estimate(41, 5.0, 4.0, from_spread=False)})["few"]
    assert islands.centroids is few.centroids
    assert islands.scale > 2.0


def test_full_covariances() -> None:
    covariance = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
    many = Estimate(50, Centroids(torch.zeros(1, 2), covariance[None], torch.ones(1)), from_spread=True, scale=1.0)
    single = many._replace(n_codes=1, centroids=many.centroids._replace(covariances=torch.eye(2).double()[None]))
    assert torch.equal(shrink_to_pooled({0: many, 1: single})[1].centroids.covariances[0], covariance)


def test_alone_there_is_nothing_to_borrow() -> None:
    few = estimate(3, 1.0, 2.0)
    assert shrink_to_pooled({None: few})[None] == (few.centroids, 2.0)


def test_a_scale_takes_two_codes() -> None:
    with pytest.raises(DataError, match=r"island_scale='calibrated' needs two distinct codes, got 1; pass a number"):
        shrink_to_pooled({None: estimate(1, 1.0, None)})
    with pytest.raises(DataError, match=r"island_scale='calibrated' needs two distinct codes of one label, got 1; pas"):
        shrink_to_pooled({"a": estimate(1, 1.0, None), "b": estimate(1, 1.0, None)})


def test_codes_that_none_is_like_another() -> None:
    single = estimate(1, 1.0, 2.0)
    assert shrink_to_pooled({"a": single, "b": single})["a"] == (single.centroids, 2.0)


@pytest.mark.parametrize("preset", ["local", "clusters"])
def test_a_small_label_covers_more_of_its_law(preset: str) -> None:
    """Three codes of a law that another label has 300 of: these are likelier under what the three make of it."""
    codes, labels = posterior(303, 8), ["many"] * 300 + ["few"] * 3
    few = GaussianPosterior(*(part[300:] for part in codes))
    together = RiemannianUniformSampler.from_preset(preset).fit(codes, labels)._fitted.laws["few"]
    alone = RiemannianUniformSampler.from_preset(preset).fit(few)._fitted.laws[None]
    found, other = (law.islands.log_density(codes.mean[:300]).mean() for law in (together, alone))
    assert found > other + 0.5
