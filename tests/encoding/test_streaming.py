"""Streaming by chunks and blocks finds what is found of all posteriors at once."""

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from riemann_sampler import GaussianPosterior
from riemann_sampler.compute.communicator import Communicator
from riemann_sampler.encoding import streaming as module
from riemann_sampler.encoding.checks import summarize
from riemann_sampler.encoding.streaming import StreamedPosteriors, chunks, precise, subset
from tests.helpers.builders import normal, posterior
from tests.helpers.processes import in_group

CODES = posterior(203, 3, seed=4)
CENTRES = normal(9, 3, seed=8)
CHUNKS = [1, 10, 203, 2**15]


@pytest.fixture(params=CHUNKS, ids=lambda n: f"chunks of {n}")
def chunk_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(module, "CHUNK_ROWS", request.param)
    monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", 40)
    monkeypatch.setattr("riemann_sampler.compute.chunking.LEAST_ROWS", 1)
    return int(request.param)


def labels(codes: GaussianPosterior, centres: Tensor) -> Tensor:
    """The nearest centre of each code, one after another."""
    return torch.stack([(mean - centres).square().sum(1).argmin() for mean in codes.mean.double()])


@pytest.mark.parametrize(("first", "last"), [(0, None), (13, 150), (40, 40)])
def test_chunks_are_the_rows(chunk_rows: int, first: int, last: int | None) -> None:
    parts = list(chunks(CODES, first, last))
    assert max((len(part.mean) for part in parts), default=0) <= chunk_rows
    for index in range(2):
        found = torch.cat([part[index] for part in parts]) if parts else CODES[index][:0]
        assert torch.equal(found, CODES[index][first:last])


def test_a_subset_is_of_different_rows_in_their_order() -> None:
    numbers = GaussianPosterior(torch.arange(50.0)[:, None], -torch.arange(50.0)[:, None])
    few, again, other = (subset(numbers, 30, seed) for seed in (1, 1, 2))
    assert len(few.mean) == 30
    assert (few.mean.diff(dim=0) > 0).all()
    assert torch.equal(few.log_variance, -few.mean)
    assert torch.equal(few.mean, again.mean)
    assert not torch.equal(few.mean, other.mean)
    assert subset(numbers, 50, 0) is numbers
    assert len(subset(numbers, 0, 0).mean) == 0


def test_a_subset_takes_every_row_as_often() -> None:
    numbers = GaussianPosterior(torch.arange(10.0)[:, None], torch.zeros(10, 1))
    counts = sum(torch.bincount(subset(numbers, 3, seed).mean[:, 0].long(), minlength=10) for seed in range(400))
    assert (counts - 120).abs().max() < 45  # standard deviation 9


def test_placing_casts(device: str) -> None:
    there = StreamedPosteriors(CODES, torch.device(device), torch.float32)
    for streamed, dtype in ((StreamedPosteriors(CODES), torch.float64), (there, torch.float32)):
        placed = streamed.placed()
        assert {part.dtype for part in placed} == {dtype}
        torch.testing.assert_close(placed.mean.cpu().double(), CODES.mean)


def test_double_precision_is_where_there_is_any() -> None:
    assert precise(torch.device("mps")) == torch.device("cpu")
    assert precise(torch.device("cuda", 1)) == torch.device("cuda", 1)


@pytest.mark.usefixtures("chunk_rows")
class TestChunked:
    def test_second_moment(self) -> None:
        every = (CODES.mean.square() + CODES.log_variance.exp()).mean().item()
        assert StreamedPosteriors(CODES).second_moment() == pytest.approx(every, rel=1e-12)

    def test_nearest_codes(self) -> None:
        found = StreamedPosteriors(CODES).nearest_codes(CENTRES)
        assert found.tolist() == [int((CODES.mean - centre).norm(dim=1).argmin()) for centre in CENTRES]

    @pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
    def test_cluster_sums(self, full: bool) -> None:
        label = labels(CODES, CENTRES)
        sums = StreamedPosteriors(CODES).cluster_sums(CENTRES, full=full)
        assert sums.counts.sum() == len(CODES.mean)
        for k, centre in enumerate(CENTRES):
            deviation = CODES.mean[label == k] - centre
            squares = deviation.T @ deviation
            assert sums.counts[k] == len(deviation)
            torch.testing.assert_close(sums.deviations[k], deviation.sum(0))
            torch.testing.assert_close(sums.variances[k], CODES.log_variance[label == k].exp().sum(0))
            torch.testing.assert_close(sums.squares[k], squares if full else squares.diagonal())

    def test_survey(self) -> None:
        found = summarize(CODES)
        assert (found.narrowest, found.widest) == (CODES.log_variance.min(), CODES.log_variance.max())
        torch.testing.assert_close(found.spread, CODES.mean.var(0))
        torch.testing.assert_close(found.variance, CODES.log_variance.exp().mean(0))
        assert found.n_bad == (0, 0)
        assert not found.identical

    def test_survey_of_bad_rows(self) -> None:
        codes = GaussianPosterior(*(part.clone() for part in CODES))
        codes.mean[[57, 199], 1] = torch.nan
        codes.log_variance[[9, 33, 34], 2] = torch.inf
        found = summarize(codes)
        assert found.n_bad == (2, 3)
        assert found.first_bad == (57, 9)

    def test_survey_of_identical_codes_but_the_last(self) -> None:
        codes = GaussianPosterior(torch.ones(203, 3), torch.zeros(203, 3))
        assert summarize(codes).identical
        codes.mean[202, 2] += 1e-6
        assert not summarize(codes).identical


@pytest.mark.parametrize("n", [2, 15, 17])
def test_fewer_codes_than_blocks(n: int) -> None:
    codes = posterior(n, 3)
    assert StreamedPosteriors(codes).cluster_sums(CENTRES, full=False).counts.sum() == n
    nearest = [int((codes.mean - centre).norm(dim=1).argmin()) for centre in CENTRES]
    assert StreamedPosteriors(codes).nearest_codes(CENTRES).tolist() == nearest


def test_sums_far_from_the_origin_lose_nothing() -> None:
    """Codes a million away, of spread 1: squares taken about the origin would lose twelve digits of sixteen."""
    far = GaussianPosterior(CODES.mean + 1e6, CODES.log_variance)
    near_sums, far_sums = (
        StreamedPosteriors(c).cluster_sums(m, full=True) for c, m in ((CODES, CENTRES), (far, CENTRES + 1e6))
    )
    for near, found in zip(near_sums, far_sums, strict=True):
        torch.testing.assert_close(found, near, rtol=1e-6, atol=1e-6)


def everything(streamed: StreamedPosteriors) -> list[list[float]]:
    parts = (streamed.nearest_codes(CENTRES), *streamed.cluster_sums(CENTRES, full=True))
    return [part.flatten().tolist() for part in parts]


def in_world() -> list[list[float]]:
    return everything(StreamedPosteriors(CODES, communicator=Communicator.of(dist.group.WORLD)))


@pytest.mark.parametrize("n", [2, 3])
def test_any_number_of_processes_finds_the_same(n: int, tmp_path: Path) -> None:
    assert in_group(n, tmp_path, in_world) == [everything(StreamedPosteriors(CODES))] * n
