"""Work in chunks of rows: the same result, and smaller pieces where memory runs out."""

import pytest
import torch
from torch import Tensor

from riemann_sampler.compute.chunking import Buffers, RowChunks
from riemann_sampler.errors import MemoryWarning
from riemann_sampler.metric.components import MetricComponents
from tests.helpers.builders import diagonal_metric, normal

IMPOSSIBLE = 2**55


def rows_up_to(most: int, sizes: list[int]):
    """A function of rows for which memory runs out, truly, above ``most`` of them; it notes how many it was given."""

    def doubled(rows: Tensor) -> tuple[Tensor]:
        sizes.append(len(rows))
        if len(rows) > most:
            torch.empty(IMPOSSIBLE, dtype=torch.uint8)
        return (2 * rows,)

    return doubled


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> RowChunks:
    """Eight rows at a time."""
    monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", 40)
    monkeypatch.setattr("riemann_sampler.compute.chunking.LEAST_ROWS", 1)
    return RowChunks(5)


def test_rows_are_halved_when_memory_runs_out_and_none_is_lost(small_chunks: RowChunks) -> None:
    z, sizes = normal(21, 2), []
    with pytest.warns(MemoryWarning) as warned:
        (doubled,) = small_chunks.map(rows_up_to(3, sizes), z)
    assert torch.equal(doubled, 2 * z)
    assert ["ran out on 7 positions" in str(warned[0].message), len(warned)] == [True, 2]  # at most 8 to 4, 4 to 2
    assert sizes == [7, 4] + [2] * 10 + [1]


def test_what_was_learnt_of_memory_is_kept(small_chunks: RowChunks) -> None:
    with pytest.warns(MemoryWarning):
        small_chunks.map(rows_up_to(4, []), normal(21, 2))
    sizes: list[int] = []
    small_chunks.map(rows_up_to(4, sizes), normal(8, 2))  # a warning would be an error here
    assert sizes == [4, 4]


def test_a_single_row_that_is_too_large_is_an_error(small_chunks: RowChunks) -> None:
    with pytest.warns(MemoryWarning), pytest.raises(RuntimeError, match="allocate"):
        small_chunks.map(rows_up_to(0, []), normal(8, 2))


def test_other_errors_are_not_taken_for_lack_of_memory(small_chunks: RowChunks) -> None:
    def broken(rows: Tensor) -> tuple[Tensor]:
        return (rows @ rows,)

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        small_chunks.map(broken, normal(8, 2))


def test_several_arguments_are_cut_alike(small_chunks: RowChunks) -> None:
    a, b = normal(21, 2), normal(21)
    total, product = small_chunks.map(lambda x, y: (x.sum(1) + y, x * y[:, None]), a, b)
    assert torch.equal(total, a.sum(1) + b)
    assert torch.equal(product, a * b[:, None])


def test_no_rows_keep_their_shape(small_chunks: RowChunks) -> None:
    assert small_chunks.map(rows_up_to(3, []), normal(0, 2))[0].shape == (0, 2)


def test_a_metric_goes_on_in_smaller_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    metric, z = diagonal_metric(), normal(50, 3)
    expected = metric.log_density_and_gradient(z)
    exponents = MetricComponents.exponents

    def limited(terms: MetricComponents, features: Tensor, *out: Tensor | None) -> Tensor:
        if len(features) > 20:
            torch.empty(IMPOSSIBLE, dtype=torch.uint8)
        return exponents(terms, features, *out)

    monkeypatch.setattr(MetricComponents, "exponents", limited)
    with pytest.warns(MemoryWarning):
        found = metric.log_density_and_gradient(z)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


def test_buffers_are_used_again_and_grow() -> None:
    buffers, like = Buffers(), normal(2)
    first = buffers("a", (3, 4), like)
    assert (first.shape, first.dtype) == ((3, 4), torch.float64)
    assert buffers("a", (2, 5), like).data_ptr() == first.data_ptr()
    assert buffers("b", (2, 5), like).data_ptr() != first.data_ptr()
    assert buffers("a", (4, 4), like).shape == (4, 4)


def test_a_buffered_metric_gives_the_same_again_and_again() -> None:
    metric = diagonal_metric()
    buffered = metric.with_buffers()
    for n in (50, 7, 120):
        z = normal(n, 3, seed=n)
        expected = metric.log_density_and_gradient(z)
        found = buffered.log_density_and_gradient(z)
        buffered.log_density_and_gradient(normal(n, 3, seed=1))  # must not write over what was found
        assert all(map(torch.equal, found, expected))
