"""Checks of posteriors and labels, before any law is fitted to them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from riemann_sampler import CollapseWarning, DimensionWarning, GaussianPosterior, SpreadWarning
from riemann_sampler.encoding.checks import check_posterior
from riemann_sampler.errors import ArgumentError, DataError
from riemann_sampler.labels import check_labels
from tests.helpers.builders import data, posterior

X, LABELS = data(20), torch.arange(20)


def with_entry(part: int, value: float) -> GaussianPosterior:
    both = [tensor.clone() for tensor in posterior(10)]
    both[part][4, 1] = value
    return GaussianPosterior(*both)


ZEROS = torch.zeros(10, 2)
BAD_POSTERIORS: dict[str, tuple[GaussianPosterior, str]] = {
    "shapes differ": (
        GaussianPosterior(ZEROS, ZEROS[:, :1]),
        r"must both have shape \(n, dim\), got \(10, 2\) and \(10, 1\)",
    ),
    "one axis": (
        GaussianPosterior(ZEROS[:, 0], ZEROS[:, 0]),
        r"must both have shape \(n, dim\), got \(10,\) and \(10,\)",
    ),
    "no axes": (GaussianPosterior(ZEROS[:, :0], ZEROS[:, :0]), r"must both have shape \(n, dim\), got \(10, 0\)"),
    "none": (GaussianPosterior(ZEROS[:0], ZEROS[:0]), r"at least 2 data points are needed, got 0\."),
    "one": (GaussianPosterior(ZEROS[:1], ZEROS[:1]), r"at least 2 data points are needed, got 1\."),
    "NaN mean": (with_entry(0, torch.nan), r"mean must be finite, but 1 rows are not, the first is row 4\."),
    "infinite mean": (with_entry(0, torch.inf), r"mean must be finite, but 1 rows are not, the first is row 4\."),
    "NaN variance": (with_entry(1, torch.nan), r"log_variance must be finite, .* the first is row 4\."),
    "infinite variance": (with_entry(1, -torch.inf), r"log_variance must be finite, .* the first is row 4\."),
    "overflow": (with_entry(1, 400.0), r"log_variance must lie within ±88\.7, .*; found 400 in absolute value\."),
    "underflow": (with_entry(1, -95.5), r"log_variance must lie within ±88\.7, .*; found 95\.5 in absolute value\."),
    "identical": (
        GaussianPosterior(ZEROS + 1, posterior(10)[1]),
        r"all 10 codes are identical, .* Is the model trained",
    ),
}


@pytest.mark.parametrize(("bad", "message"), BAD_POSTERIORS.values(), ids=BAD_POSTERIORS)
def test_posteriors_that_give_no_metric(bad: GaussianPosterior, message: str) -> None:
    with pytest.raises(DataError, match=rf"^these: .*{message}"):
        check_posterior(bad, name="these")


def test_good_posteriors_pass_in_silence() -> None:
    check_posterior(posterior(10))
    check_posterior(with_entry(1, -88.0))


def test_collapsed_units_are_named() -> None:
    codes = posterior(200, 4)
    codes.mean[:, [1, 3]] *= 1e-3
    with pytest.warns(CollapseWarning, match=r"latents: 2 of 4 latent units are inactive .*: \[1, 3\]\."):
        check_posterior(codes)


def test_a_spread_that_is_positive_throughout_is_doubted() -> None:
    std = GaussianPosterior(posterior(200).mean, torch.full((200, 2), 0.05))
    with pytest.warns(
        SpreadWarning, match=r"these: every log-variance is positive, the smallest is 0\.05\..*spread='std'"
    ):
        check_posterior(std, name="these")
    std.log_variance[3, 1] = -0.01
    check_posterior(std)


def test_many_dimensions_are_said() -> None:
    with pytest.warns(DimensionWarning, match=r"latents: the latent space has 4097 dimensions\. Above 4096 the geom"):
        check_posterior(posterior(5, 4097))
    check_posterior(posterior(5, 4096))


@pytest.mark.parametrize("labels", [np.arange(20) % 3, LABELS % 3, [i % 3 for i in range(20)], range(20)])
def test_labels_become_plain_values(labels: Any) -> None:
    found = check_labels(labels, X, 20)
    assert found == [int(label) for label in labels]
    assert {type(label) for label in found} == {int}


def test_labels_must_be_as_many_as_the_data() -> None:
    with pytest.raises(ArgumentError, match=r"labels must hold one label for each of the 20 data points, got 19\."):
        check_labels([0] * 19, X, 20)


SHUFFLERS: dict[str, dict[str, Any]] = {
    "shuffle": {"shuffle": True},
    "weights": {"sampler": WeightedRandomSampler(torch.ones(20), 20, generator=torch.Generator())},
    "subset": {"sampler": SubsetRandomSampler(range(20), generator=torch.Generator())},
    "batches": {"batch_sampler": BatchSampler(RandomSampler(range(20)), 5, drop_last=False)},
}


@pytest.mark.parametrize("shuffler", SHUFFLERS.values(), ids=SHUFFLERS)
def test_labels_cannot_be_matched_to_data_in_random_order(shuffler: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=r"labels cannot be matched to a DataLoader that shuffles; .*shuffle=False"):
        check_labels(LABELS, DataLoader(TensorDataset(X), **shuffler), 20)


def test_labels_can_be_matched_to_a_loader_in_order() -> None:
    assert check_labels(LABELS, DataLoader(TensorDataset(X), batch_size=3), 20) == list(range(20))
