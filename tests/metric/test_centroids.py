"""From codes to centroids: duplicates, snapping, and the moments of clusters."""

import math
from typing import Any

import pytest
import torch

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.encoding import StreamedPosteriors
from riemann_sampler.metric import centroids as module
from riemann_sampler.metric.centroids import (
    Centroids,
    cluster_centroids,
    local_centroids,
    merge_duplicates,
    posterior_centroids,
)
from tests.helpers import reference
from tests.helpers.builders import normal, posterior


def blobs(n_blobs: int, per_blob: int, dim: int = 2) -> tuple[GaussianPosterior, torch.Tensor]:
    """Codes in narrow groups 20 apart, shuffled, and the group of each."""
    group = torch.arange(n_blobs).repeat(per_blob)[torch.randperm(n_blobs * per_blob, generator=generator_of(3))]
    mean = 0.5 * normal(len(group), dim, seed=1)
    mean[:, 0] += 20.0 * group
    return GaussianPosterior(mean, -2 + 0.3 * normal(len(group), dim, seed=2)), group


def generator_of(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def repeated(codes: GaussianPosterior, index: list[int]) -> GaussianPosterior:
    return GaussianPosterior(codes.mean[index], codes.log_variance[index])


def in_order(centroids: Centroids) -> Centroids:
    order = centroids.means[:, 0].argsort()
    return Centroids(*(part[order] for part in centroids))


@pytest.mark.parametrize("dim", [2, 64])
class TestMergeDuplicates:
    def test_distinct_codes_are_kept_as_they_are(self, dim: int) -> None:
        codes = posterior(30, dim)
        merged = merge_duplicates(codes)
        assert torch.equal(merged.means, codes.mean)
        assert torch.equal(merged.covariances, codes.log_variance.exp())
        assert merged.sizes.tolist() == [1.0] * 30

    def test_exact_duplicates_become_one(self, dim: int) -> None:
        codes = posterior(6, dim)
        merged = merge_duplicates(repeated(codes, [0, 1, 2, 1, 3, 1, 4, 0, 5]))
        assert torch.equal(merged.means, codes.mean)
        assert merged.sizes.tolist() == [2.0, 3.0, 1.0, 1.0, 1.0, 1.0]

    def test_the_threshold_is_in_posterior_standard_deviations(self, dim: int) -> None:
        """A shift of every axis by 0.04 deviations is a duplicate, by 0.06 it is not."""
        codes = posterior(5, dim, spread=10.0)
        deviation = (codes.log_variance[:1] / 2).exp()
        near = GaussianPosterior(codes.mean[:1] + 0.04 * deviation, codes.log_variance[:1])
        far = GaussianPosterior(codes.mean[:1] - 0.06 * deviation, codes.log_variance[:1])
        for other, sizes in ((near, [2.0, 1, 1, 1, 1]), (far, [1.0, 1, 1, 1, 1, 1])):
            both = GaussianPosterior(*(torch.cat(parts) for parts in zip(codes, other, strict=True)))
            assert merge_duplicates(both).sizes.tolist() == sizes

    def test_chunked_is_unchunked(self, dim: int, monkeypatch: pytest.MonkeyPatch) -> None:
        codes = repeated(posterior(6, dim), [0, 1, 2, 1, 3, 1, 4, 0, 5])
        whole = merge_duplicates(codes)
        monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", 20)
        monkeypatch.setattr("riemann_sampler.compute.chunking.LEAST_ROWS", 1)
        for part, part_of_whole in zip(merge_duplicates(codes), whole, strict=True):
            assert torch.equal(part, part_of_whole)


@pytest.mark.parametrize("log_variance", [-3.0, -30.0, -60.0])
def test_sharp_posteriors_far_apart_are_not_duplicates(log_variance: float) -> None:
    """Rounding of squares as large as 1e13 must not hide that a code coincides with itself and no other."""
    codes = GaussianPosterior(3 * normal(40, 4), torch.full((40, 4), log_variance, dtype=torch.float64))
    assert torch.equal(merge_duplicates(codes).means, codes.mean)


@pytest.mark.parametrize("log_variance", [-3.0, -30.0, -60.0])
def test_sharp_duplicates_are_still_merged(log_variance: float) -> None:
    codes = GaussianPosterior(3 * normal(40, 4), torch.full((40, 4), log_variance, dtype=torch.float64))
    merged = merge_duplicates(repeated(codes, [*range(40), *range(0, 40, 2)]))
    assert torch.equal(merged.means, codes.mean)
    assert merged.sizes.tolist() == [2.0, 1.0] * 20


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_code_is_merged_only_into_one_that_it_coincides_with(shuffled: bool) -> None:
    """Frames of a film: each coincides with the next, and the last lies eight deviations from the first."""
    mean = torch.stack([torch.linspace(0, 8, 201), torch.zeros(201)], 1).double()
    if shuffled:
        mean = mean[torch.randperm(201, generator=generator_of(0))]
    kept = merge_duplicates(GaussianPosterior(mean, torch.zeros_like(mean))).means
    assert torch.cdist(mean, kept).amin(1).max() < 2 * module.DUPLICATE_DISTANCE * math.sqrt(2)


class TestPosteriorCentroids:
    def test_they_are_real_codes_with_their_posterior_variances(self) -> None:
        codes = posterior(300, 3)
        centroids = posterior_centroids(StreamedPosteriors(codes), 20, seed=0)
        centroid, code = (centroids.means[:, None] == codes.mean).all(2).nonzero(as_tuple=True)
        assert 15 <= len(centroids.means) <= 20
        assert torch.equal(centroid, torch.arange(len(centroids.means)))  # each is one code, and no other
        assert torch.equal(centroids.covariances, codes.log_variance.exp()[code])

    def test_each_group_gets_one(self) -> None:
        codes, group = blobs(4, 30)
        centroids = in_order(posterior_centroids(StreamedPosteriors(codes), 4, seed=0))
        for k, mean in enumerate(centroids.means):
            own = codes.mean[group == k]
            central = own[(own - own.mean(0)).norm(dim=1).argmin()]  # the code nearest to the centre
            assert torch.equal(mean, central)

    @pytest.mark.parametrize("n_centroids", [None, 40, 1000])
    def test_as_many_as_codes_keeps_every_code(self, n_centroids: int | None) -> None:
        codes = posterior(40)
        centroids = posterior_centroids(StreamedPosteriors(codes), n_centroids, seed=0)
        assert torch.equal(centroids.means, codes.mean)
        assert centroids.sizes.sum() == 40

    def test_identical_codes_are_no_obstacle(self) -> None:
        codes = repeated(posterior(5), [0] * 50 + [1, 2, 3, 4])
        assert len(posterior_centroids(StreamedPosteriors(codes), 20, seed=0).means) == 5


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
class TestClusterCentroids:
    def test_moments_follow_the_law_of_total_variance(self, full: bool) -> None:
        codes, group = blobs(4, 30, dim=3)
        means, covariances = reference.cluster_moments(codes.mean, codes.log_variance.exp(), group)
        clusters = in_order(cluster_centroids(StreamedPosteriors(codes), 4, seed=0, full=full))
        torch.testing.assert_close(clusters.means, means)
        wanted = covariances if full else covariances.diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(clusters.covariances, wanted)
        assert clusters.sizes.tolist() == [30.0] * 4

    def test_sizes_sum_to_the_number_of_codes(self, full: bool) -> None:
        clusters = cluster_centroids(StreamedPosteriors(posterior(200)), 15, seed=0, full=full)
        assert clusters.sizes.sum() == 200
        assert clusters.sizes.min() >= 1

    @pytest.mark.parametrize("n_centroids", [None, 9, 50])
    def test_as_many_as_codes_keeps_every_code(self, full: bool, n_centroids: int | None) -> None:
        codes = repeated(posterior(6), [0, 1, 2, 1, 3, 1, 4, 0, 5])
        clusters = cluster_centroids(StreamedPosteriors(codes), n_centroids, seed=0, full=full)
        variances = codes.log_variance[[0, 1, 2, 4, 6, 8]].exp()
        assert torch.equal(clusters.covariances, torch.diag_embed(variances) if full else variances)
        assert clusters.sizes.sum() == 9


@pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
class TestLocalCentroids:
    @pytest.mark.parametrize("n_centroids", [None, 8])
    def test_each_covariance_is_widened_by_that_of_the_codes_around(
        self, full: bool, n_centroids: int | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "CHUNK", 7)
        codes = posterior(40, 3)
        found = local_centroids(StreamedPosteriors(codes), n_centroids, 0, n_neighbors=5, full=full)
        plain = posterior_centroids(StreamedPosteriors(codes), n_centroids, 0)
        assert torch.equal(found.means, plain.means)
        assert torch.equal(found.sizes, plain.sizes)
        widened = reference.local_covariances(plain.means, plain.covariances, codes.mean, n_neighbors=5)
        torch.testing.assert_close(found.covariances, widened if full else widened.diagonal(dim1=1, dim2=2))

    def test_fewer_codes_than_neighbours(self, full: bool) -> None:
        codes = posterior(4, 2)
        every = torch.cov(codes.mean.T)
        found = local_centroids(StreamedPosteriors(codes), None, 0, n_neighbors=10, full=full).covariances
        for k, variances in enumerate(codes.log_variance.exp()):
            wanted = torch.diag(variances) + every
            torch.testing.assert_close(found[k], wanted if full else wanted.diagonal())

    def test_one_code_keeps_its_covariance(self, full: bool) -> None:
        codes = posterior(1, 2)
        found = local_centroids(StreamedPosteriors(codes), None, 0, n_neighbors=10, full=full).covariances[0]
        variances = codes.log_variance.exp()[0]
        assert torch.equal(found, torch.diag(variances) if full else variances)

    def test_duplicates_are_no_neighbours(self, full: bool) -> None:
        codes = posterior(30, 2)
        plain = local_centroids(StreamedPosteriors(codes), None, 0, n_neighbors=4, full=full)
        found = local_centroids(
            StreamedPosteriors(repeated(codes, [*range(30), 3, 3, 3, 8])), None, 0, n_neighbors=4, full=full
        )
        torch.testing.assert_close(found.covariances, plain.covariances)
        assert found.sizes.tolist() == [4.0 if k == 3 else 2.0 if k == 8 else 1.0 for k in range(30)]


REDUCTIONS: dict[str, Any] = {
    "posterior": lambda codes, k, seed: posterior_centroids(StreamedPosteriors(codes), k, seed),
    "diagonal": lambda codes, k, seed: cluster_centroids(StreamedPosteriors(codes), k, seed, full=False),
    "full": lambda codes, k, seed: cluster_centroids(StreamedPosteriors(codes), k, seed, full=True),
    "local": lambda codes, k, seed: local_centroids(StreamedPosteriors(codes), k, seed, n_neighbors=5, full=True),
}


@pytest.mark.parametrize("reduce", REDUCTIONS.values(), ids=REDUCTIONS)
class TestEveryReduction:
    def test_the_seed_decides(self, reduce: Any) -> None:
        codes = posterior(300)
        first, again, other = reduce(codes, 20, 1), reduce(codes, 20, 1), reduce(codes, 20, 2)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
        assert not torch.equal(first.means[: len(other.means)], other.means[: len(first.means)])

    @pytest.mark.parametrize("mini_batch_above", [20_000, 50], ids=["k-means", "mini-batches"])
    def test_the_order_of_the_codes_does_not_matter_for_clear_groups(
        self, reduce: Any, mini_batch_above: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MINI_BATCH_ABOVE", mini_batch_above)
        codes, _ = blobs(4, 30)
        order = torch.randperm(120, generator=generator_of(1))
        shuffled = GaussianPosterior(codes.mean[order], codes.log_variance[order])
        for part, of_shuffled in zip(in_order(reduce(codes, 4, 0)), in_order(reduce(shuffled, 4, 0)), strict=True):
            tolerance = {"rtol": 0, "atol": 0.5} if mini_batch_above == 50 else {}
            torch.testing.assert_close(part, of_shuffled, **tolerance)

    def test_many_codes_go_by_mini_batches(self, reduce: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        used = []
        for name in ("KMeans", "MiniBatchKMeans"):
            plain = getattr(module, name)
            monkeypatch.setattr(module, name, lambda *a, n=name, p=plain, **k: (used.append(n), p(*a, **k))[1])
        monkeypatch.setattr(module, "MINI_BATCH_ABOVE", 100)
        for n in (100, 101):
            reduce(posterior(n), 5, 0)
        assert used == ["KMeans", "MiniBatchKMeans"]


def test_duplicated_codes_are_not_over_represented() -> None:
    """At d = 64 two copies of a code would hold 2³² times the mass of one."""
    codes = repeated(posterior(8, 64, spread=3.0), [0, 0, 0, *range(8)])
    sampler = RiemannianUniformSampler(temperature=2.0, n_steps=5, n_warmup=10).fit(codes)
    drawn = sampler.sample_latents(800, seed=0).nearest_centroid
    counts = torch.bincount(drawn, minlength=8)
    assert len(counts) == 8
    assert counts.min() > 60  # of 100 each, standard deviation 10
    assert counts.max() < 140
