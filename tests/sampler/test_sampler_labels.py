"""One law for each label."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch.utils.data import DataLoader, TensorDataset

from riemann_sampler import (
    ArgumentError,
    ArgumentTypeError,
    DataError,
    GaussianPosterior,
    LatentSamples,
    RiemannianUniformSampler,
)
from tests.helpers.builders import data, fitted, posterior, shared

CENTRES = {"a": -30.0, "b": 0.0, "c": 40.0}
LABELS = ["a"] * 20 + ["b"] * 60 + ["c"] * 40


def grouped(dim: int = 2) -> GaussianPosterior:
    """Groups of codes far apart, one for each label."""
    codes = posterior(120, dim)
    codes.mean[:, 0] += torch.tensor([CENTRES[label] for label in LABELS])
    return codes


def sampler(dim: int = 2, **arguments: Any) -> RiemannianUniformSampler:
    return RiemannianUniformSampler.from_preset("calibrated", **arguments).fit(grouped(dim), LABELS)


def group_of(z: torch.Tensor) -> list[str]:
    """The label whose codes each position is among."""
    centres = torch.tensor(list(CENTRES.values()), dtype=z.dtype)
    return [list(CENTRES)[i] for i in (z[:, :1] - centres).abs().argmin(1)]


def test_each_label_has_its_own_law() -> None:
    found = sampler()
    assert list(found.metric_) == list(found.temperature_) == list(found.diagnostics_) == ["a", "b", "c"]
    for label, n_codes in (("a", 20), ("b", 60), ("c", 40)):
        rows = [i for i, other in enumerate(LABELS) if other == label]
        assert torch.equal(found.metric_[label].centroids, grouped().mean[rows])
        assert found.diagnostics_[label].n_codes == n_codes
        assert found.temperature_[label] == found.metric_[label].temperature
    assert torch.equal(found.posterior_.mean, grouped().mean)


def test_a_law_by_label_is_the_law_of_its_codes() -> None:
    rows = slice(20, 80)
    alone = RiemannianUniformSampler.from_preset("calibrated")
    alone.fit(GaussianPosterior(*(part[rows] for part in grouped())))
    assert alone.temperature_ == sampler().temperature_["b"]


@pytest.mark.parametrize("label", CENTRES)
def test_samples_of_a_label_are_among_its_codes(label: str) -> None:
    samples = sampler().sample_latents(50, label=label, seed=0)
    assert samples.labels == [label] * 50
    assert group_of(samples.z) == samples.labels


def assert_fields_follow_labels(found: RiemannianUniformSampler, samples: LatentSamples) -> None:
    assert group_of(samples.z) == samples.labels
    for i, label in enumerate(samples.labels):
        metric, nearest = found.metric_[label], samples.nearest_centroid[i]
        square = ((samples.z[i] - metric.centroids[nearest]) ** 2 * metric.precisions[nearest]).sum()
        torch.testing.assert_close(samples.nearest_distance[i] ** 2, square, rtol=1e-6, atol=1e-6)


def test_without_a_label_all_are_mixed() -> None:
    found = sampler()
    assert_fields_follow_labels(found, found.sample_latents(300, seed=2))


def test_as_many_samples_as_axes() -> None:
    found = sampler()
    for seed in range(10):
        assert_fields_follow_labels(found, found.sample_latents(2, seed=seed))


def test_the_mixture_follows_the_frequencies() -> None:
    labels = sampler().sample_latents(3000, seed=0).labels
    counts = [labels.count(label) for label in "abc"]
    assert chisquare(counts, [500, 1500, 1000]).pvalue > 1e-3


def test_the_mixture_comes_in_random_order() -> None:
    labels = sampler().sample_latents(300, seed=0).labels
    halves = labels[:150].count("b"), labels[150:].count("b")
    assert min(halves) > 50  # of about 75 each


def test_the_seed_decides_on_the_mixture() -> None:
    found = sampler()
    first, again, other = (found.sample_latents(30, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.z, again.z)
    assert first.labels == again.labels != other.labels


def test_labels_draw_apart() -> None:
    """The same seed gives each label noise of its own, even where laws are alike."""
    twice = GaussianPosterior(*(part.repeat(2, 1) for part in posterior(40)))
    found = RiemannianUniformSampler.from_preset("calibrated").fit(twice, [0] * 40 + [1] * 40)
    first, second = (found.sample_latents(20, label=label, seed=0).z for label in (0, 1))
    assert not torch.isclose(first, second).any(1).any()


@pytest.mark.parametrize("setup", ["uniform", "uniform, full", "paper", "calibrated", "clusters"])
def test_every_setup_takes_labels(setup: str) -> None:
    found = fitted(setup, data(90), [0] * 50 + [1] * 40)
    assert found.sample(4, seed=0).shape == found.sample(4, label=1, seed=0).shape == (4, 1, 4)
    assert found.diagnostics_[1].n_samples == 4


def test_no_samples() -> None:
    found = sampler()
    assert found.sample_latents(0).z.shape == found.sample_latents(0, label="a").z.shape == (0, 2)
    assert found.sample_latents(0).labels == []


def test_a_label_without_a_share_in_a_small_draw() -> None:
    assert {len(sampler().sample_latents(1, seed=seed).z) for seed in range(5)} == {1}


@pytest.mark.parametrize(
    "labels", [np.array([3, 5] * 20), torch.tensor([3, 5] * 20), [3, 5] * 20, np.array([3, 5] * 20, dtype=object)]
)
def test_labels_of_any_container(labels: Any) -> None:
    found = RiemannianUniformSampler.from_preset("calibrated").fit(posterior(40), labels)
    assert list(found.metric_) == [3, 5]
    assert found.sample_latents(2, label=5).labels == [5, 5]


def test_unknown_labels() -> None:
    with pytest.raises(ArgumentError, match=r"^label 'd' is unknown: known are \['a', 'b', 'c'\]\.$"):
        sampler().sample_latents(3, label="d")


def test_a_label_where_there_are_none() -> None:
    with pytest.raises(ArgumentError, match=r"^label 1 is unknown: fit had no labels\.$"):
        shared("calibrated").sample(3, label=1)


def test_none_is_no_label() -> None:
    """It means "any label" when drawing."""
    with pytest.raises(ArgumentError, match=r"labels .*None"):
        RiemannianUniformSampler.from_preset("calibrated").fit(posterior(40), [None, 1] * 20)


def test_labels_that_do_not_match_the_data() -> None:
    with pytest.raises(ArgumentError, match=r"^labels must hold one label for each of the 120 data points, got 119\.$"):
        RiemannianUniformSampler().fit(grouped(), LABELS[:-1])


def test_labels_of_a_loader_that_shuffles() -> None:
    loader = DataLoader(TensorDataset(data()), shuffle=True)
    with pytest.raises(ArgumentError, match=r"^labels cannot be matched to a DataLoader that shuffles"):
        fitted("calibrated", loader, [0] * 60)


@pytest.mark.parametrize("preset", ["uniform", "calibrated", "clusters", "local"])
def test_a_label_with_a_single_code(preset: str) -> None:
    chains = {"n_steps": 5, "n_warmup": 5} if preset == "uniform" else {}
    found = RiemannianUniformSampler.from_preset(preset, **chains).fit(grouped(), [*LABELS[:-1], "z"])
    samples = found.sample_latents(400, label="z", seed=0)
    deviation = (samples.z - grouped().mean[-1]) / grouped().log_variance[-1].exp().sqrt()
    assert deviation.mean(0).abs().max() < 0.25 * deviation.std()
    assert found.diagnostics_["z"].n_codes == 1


def test_posterior_covariances_of_few_codes_stay() -> None:
    codes, labels = grouped(), ["a"] * 117 + ["few"] * 3
    found = RiemannianUniformSampler.from_preset("calibrated").fit(codes, labels)
    torch.testing.assert_close(found.metric_["few"].precisions, (-codes.log_variance[117:]).exp())


def test_a_label_of_identical_codes_is_like_one_of_a_single_code() -> None:
    codes = grouped()
    codes.mean[:20], codes.log_variance[:20] = codes.mean[0], codes.log_variance[0]
    found = RiemannianUniformSampler.from_preset("calibrated").fit(codes, LABELS)
    alone = GaussianPosterior(*(part[19:] for part in codes))
    other = RiemannianUniformSampler.from_preset("calibrated").fit(alone, LABELS[19:])
    assert found.temperature_ == other.temperature_
    assert len(found.metric_["a"].centroids) == 1


def test_no_label_has_two_codes() -> None:
    with pytest.raises(DataError, match=r"^island_scale='calibrated' needs two distinct codes of one label, got 1"):
        RiemannianUniformSampler.from_preset("calibrated").fit(posterior(3), ["a", "b", "c"])
    found = RiemannianUniformSampler.from_preset("calibrated", island_scale=2.0).fit(posterior(3), ["a", "b", "c"])
    assert found.sample_latents(label=["c", "a"]).labels == ["c", "a"]


def test_numbers_of_each_label() -> None:
    found = sampler()
    samples = found.sample_latents(label={"c": 3, "a": 2, "b": 0}, seed=4)
    assert samples.labels == ["c"] * 3 + ["a"] * 2
    assert_fields_follow_labels(found, samples)
    assert torch.equal(samples.z[:3], found.sample_latents(3, label="c", seed=4).z)
    assert found.sample_latents(5, label={"c": 3, "a": 2}, seed=4).labels == samples.labels


@pytest.mark.parametrize("container", [list, np.array, lambda labels: np.array(labels, dtype=object)])
def test_a_label_for_each_sample(container: Any) -> None:
    found, labels = sampler(), ["b", "c", "b", "a", "b"]
    samples = found.sample_latents(label=container(labels), seed=4)
    assert samples.labels == labels
    assert_fields_follow_labels(found, samples)
    assert torch.equal(samples.z[[0, 2, 4]], found.sample_latents(3, label="b", seed=4).z)
    assert found.diagnostics_["b"].n_samples == 3


def test_labels_for_each_sample_as_a_tensor_and_tuples_as_labels() -> None:
    found = RiemannianUniformSampler.from_preset("calibrated").fit(posterior(40), [3, (5, "x")] * 20)
    assert found.sample_latents(label=torch.tensor([3, 3])).labels == [3, 3]
    assert found.sample_latents(2, label=(5, "x")).labels == [(5, "x")] * 2
    assert found.sample_latents(label=[(5, "x"), 3]).labels == [(5, "x"), 3]


@pytest.mark.parametrize("label", [torch.tensor(3), np.array(3), np.int64(3), 3])
def test_a_single_label_of_any_kind_of_number(label: Any) -> None:
    found = RiemannianUniformSampler.from_preset("calibrated").fit(posterior(40), [3, 5] * 20)
    assert found.sample_latents(2, label=label).labels == [3, 3]


@pytest.mark.parametrize("label", [np.zeros((2, 2)), [["a"], ["b"]], [{"a": 1}]])
def test_what_cannot_be_labels(label: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=r"^label must hold one label for each sample, but .* is none"):
        sampler().sample_latents(label=label)


def test_decoded_samples_follow_the_request() -> None:
    found = fitted("calibrated", data(90), [0] * 50 + [1] * 40)
    z = found.sample_latents(label=[1, 0, 1], seed=2).z
    assert torch.equal(found.sample(label=[1, 0, 1], seed=2), found.model.decode(z))
    assert found.sample(label={0: 2, 1: 1}).shape == (3, 1, 4)
    assert found.sample(label=[]).shape == found.sample(label={1: 0}).shape == (0, 1, 4)


@pytest.mark.parametrize("label", [[], {}, np.array([], dtype=int)])
def test_no_labels_asked_for(label: Any) -> None:
    assert sampler().sample_latents(label=label).labels == []


@pytest.mark.parametrize("label", [["a", "b"], {"a": 1, "b": 1}])
def test_a_number_that_is_not_that_of_the_labels(label: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^n_samples=3, but label asks for 2; leave n_samples out"):
        sampler().sample_latents(3, label=label)


@pytest.mark.parametrize("label", [{"d": 0}, {"a": 1, "d": 2}, ["a", "d"]])
def test_unknown_labels_among_others(label: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^label 'd' is unknown: known are \['a', 'b', 'c'\]\.$"):
        sampler().sample_latents(label=label)


def test_numbers_that_are_none() -> None:
    with pytest.raises(ArgumentError, match=r"^the number of samples of label 'a' must be at least 0, got -1\.$"):
        sampler().sample_latents(label={"a": -1})
    with pytest.raises(ArgumentTypeError, match=r"^n_samples must be a whole number, got None"):
        sampler().sample_latents(label="a")


def test_the_summary_has_a_row_for_each_label() -> None:
    rows = [line.split()[:2] for line in sampler().summary().splitlines()]
    for label, part in sampler().diagnostics_.items():
        assert [label, str(part.n_codes)] in rows


def test_diagnostics_are_of_the_label_last_drawn() -> None:
    found = sampler()
    found.sample_latents(12, label="b")
    assert {label: part.n_samples for label, part in found.diagnostics_.items()} == {"a": 0, "b": 12, "c": 0}
