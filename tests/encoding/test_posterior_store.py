"""Posteriors come back as they went in, from memory or from files that leave nothing behind."""

import errno
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from riemann_sampler import DataError, GaussianPosterior, StorageError
from riemann_sampler.encoding import posterior_store as module
from riemann_sampler.encoding.encode import encode_data
from riemann_sampler.encoding.posterior_store import PosteriorStore, gather
from tests.helpers.builders import TwoHalves, data, posterior

BATCHES = [posterior(n, 3, seed=n) for n in (5, 1, 7, 2)]
WHOLE = GaussianPosterior(*(torch.cat(parts) for parts in zip(*BATCHES, strict=True)))
N_BYTES = sum(part.nbytes for part in WHOLE)
BUDGETS = {"all in memory": N_BYTES, "the last batch too many": N_BYTES - 1, "nothing in memory": 1}

NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def filled(budget: int, batches: list[GaussianPosterior] = BATCHES) -> PosteriorStore:
    store = PosteriorStore(budget)
    for batch in batches:
        store.append(batch)
    return store


def assert_same(found: GaussianPosterior, wanted: GaussianPosterior) -> None:
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def failing(calls: int, error: BaseException) -> Callable[..., None]:
    """`write_bytes` that fails at its n-th call."""
    left = [calls]

    def write(*arguments: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise error
        write_bytes(*arguments)

    write_bytes = module.write_bytes
    return write


@pytest.mark.parametrize("block", [1, 100, 2**27], ids=lambda block: f"block of {block}")
@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_every_row_comes_back_in_order(
    dtype: torch.dtype, budget: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_BYTES", block)
    batches = [GaussianPosterior(*(part.to(dtype) for part in batch)) for batch in BATCHES]
    with filled(budget, batches) as store:
        assert store.device == torch.device("cpu")
        assert_same(store.posterior(), GaussianPosterior(*(part.to(dtype) for part in WHOLE)))


def test_within_the_budget_no_file_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    plain = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **k: (made.append(1), plain(**k))[1])
    filled(N_BYTES).posterior()
    assert not made
    filled(N_BYTES - 1).posterior()
    assert len(made) == 2


def test_the_files_hold_the_rows_as_raw_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in WHOLE._fields]
    unused = iter(paths)
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **k: next(unused).open("w+b", **k))
    filled(100).posterior()
    for path, part in zip(paths, WHOLE, strict=True):
        assert path.read_bytes() == part.numpy().tobytes()


def test_the_files_have_no_name(folder: Path) -> None:
    store = filled(1)
    assert not list(folder.iterdir())
    assert_same(store.posterior(), WHOLE)
    assert not list(folder.iterdir())


def test_mapped_posteriors_can_be_changed_and_live_on() -> None:
    with filled(1) as store:
        found = store.posterior()
    found.mean.mul_(2)
    assert torch.equal(found.mean, 2 * WHOLE.mean)
    with filled(1) as store:
        assert_same(store.posterior(), WHOLE)


def test_a_store_is_empty_once_its_posteriors_are_taken() -> None:
    store = filled(1)
    store.posterior()
    store.append(BATCHES[0])
    assert_same(store.posterior(), BATCHES[0])


def test_batches_are_not_aliases_of_what_is_theirs() -> None:
    given = posterior(4)
    with filled(10**9, [given]) as store:
        found = store.posterior()
    given.mean.zero_()
    assert found.mean.any()


def test_a_view_does_not_keep_what_it_is_a_view_of() -> None:
    hidden = torch.randn(5, 1000, generator=torch.Generator())
    store = filled(10**9, [GaussianPosterior(hidden[:, :2], hidden[:, 2:4])])
    assert [part.untyped_storage().nbytes() for held in store._held for part in held] == [40, 40]


OTHERS = {
    "dimension": (posterior(5, 2), r"float64 \(2,\), float64 \(2,\)"),
    "type": (GaussianPosterior(*(part.float() for part in BATCHES[0])), r"float32 \(3,\), float32 \(3,\)"),
}


@pytest.mark.parametrize(("other", "found"), OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS)
def test_batches_must_be_of_one_kind(other: GaussianPosterior, found: str, budget: int) -> None:
    message = rf"of one type and dimension: rows of \({found}\) follow rows of \(float64 \(3,\), float64 \(3,\)\)"
    with filled(budget) as store, pytest.raises(DataError, match=message):
        store.append(other)


@pytest.mark.parametrize("call", range(1, 9))  # two parts of four batches
def test_a_full_disk(call: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "write_bytes", failing(call, NO_SPACE))
    message = (
        rf"^posteriors beyond memory_budget=1 bytes go to temporary files, but writing in {folder} failed: No space "
        r"left on device\. Make room there, name another folder .* variable TMPDIR, or allow a larger memory_budget\.$"
    )
    with pytest.raises(StorageError, match=message) as caught:
        filled(1).posterior()
    assert caught.value.__cause__ is NO_SPACE
    assert not list(folder.iterdir())


def test_no_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StorageError, match=r"writing in .*nowhere failed: No such file or directory"):
        filled(1)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), NO_SPACE], ids=["Ctrl-C", "full disk"])
def test_what_stops_encoding_leaves_no_file(
    error: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not an open one either, though the traceback holds the store."""
    monkeypatch.setattr(module, "write_bytes", failing(5, error))
    store = PosteriorStore(100)
    with pytest.raises((KeyboardInterrupt, StorageError)), store:
        encode_data(TwoHalves(), data(60), 7, store)
    assert not store._files
    assert not list(folder.iterdir())


@pytest.mark.parametrize("budget", [1, 10**9])
def test_rows_are_gathered(budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHERED_ROWS", 4)
    rows = torch.tensor([14, 2, 2, 9, 0, 11, 3])
    assert_same(gather(WHOLE, rows, budget), GaussianPosterior(WHOLE.mean[rows], WHOLE.log_variance[rows]))
