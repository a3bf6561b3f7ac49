"""A run that comes to grief half way leaves whole shards alone, and the next one does the rest."""

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from riemann_sampler.errors import StorageError
from riemann_sampler.sharding.tasks import encode_shards, sample_shards
from tests.helpers.builders import TwoHalves, data, fitted
from tests.helpers.processes import in_group
from tests.helpers.shard_tasks import (
    SHARD,
    N,
    Troubled,
    TroubledDecoder,
    contents,
    die,
    encode,
    fill_disk,
    sample,
    stamps,
)


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    """The files of a run that nothing disturbed."""
    encode_shards(TwoHalves(), data(N), tmp_path / "whole", shard_size=SHARD, batch_size=4)
    return contents(tmp_path / "whole")


@pytest.fixture
def file_size_limit() -> Iterator[Callable[[int], None]]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def finished(folder: Path, whole: dict[str, bytes]) -> list[str]:
    """The shards that are there; each under its final name must be whole."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert found == {name: whole[name] for name in found}
    return sorted(name for name in found if name != "manifest.json")


def completed(folder: Path, whole: dict[str, bytes], again: Callable[[], object]) -> None:
    """Run again, and see that all is as if nothing had happened, and what was finished was not done twice."""
    before = {name: stamp for name, stamp in stamps(folder).items() if not name.startswith(".partial")}
    again()
    assert contents(folder) == whole
    after = stamps(folder)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_process_that_is_killed(size: int, tmp_path: Path, whole: dict[str, bytes]) -> None:
    folder = tmp_path / "codes"
    found = in_group(2, tmp_path, encode, folder, Troubled(55, die))  # in shard 5, that of the second process
    assert found[1] is None
    assert isinstance(found[0], Exception)
    done = finished(folder, whole)
    assert done[:4] == [f"codes-0000{index}-of-00009.safetensors" for index in range(4)]
    assert "codes-00005-of-00009.safetensors" not in done
    completed(folder, whole, lambda: in_group(size, tmp_path, encode, folder))


def test_a_process_that_is_killed_while_it_writes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    folder = tmp_path / "codes"
    assert in_group(1, tmp_path, _killed_while_writing, folder) == [None]
    assert finished(folder, whole) == [f"codes-0000{index}-of-00009.safetensors" for index in range(3)]
    assert [path.name[:9] for path in folder.iterdir() if path.is_dir()] == [".partial-"]
    completed(folder, whole, lambda: encode_shards(TwoHalves(), data(N), folder, shard_size=SHARD, batch_size=4))


def _killed_while_writing(folder: Path) -> None:
    sync, calls = os.fsync, []

    def sync_or_die(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 5:  # the manifest and three shards before it
            die()
        sync(descriptor)

    os.fsync = sync_or_die
    encode(folder)


def test_a_sampling_process_that_is_killed(tmp_path: Path) -> None:
    sampler = fitted("calibrated")
    sampler.save(tmp_path / "sampler")
    sample_shards(sampler, 45, tmp_path / "whole", seed=3, shard_size=10)
    whole, folder = contents(tmp_path / "whole"), tmp_path / "samples"
    found = in_group(2, tmp_path, sample, tmp_path / "sampler", folder, TroubledDecoder(1, die))
    assert None in found
    assert len(finished(folder, whole)) < 5
    completed(folder, whole, lambda: in_group(1, tmp_path, sample, tmp_path / "sampler", folder))


def test_a_full_disk_on_one_process(tmp_path: Path, whole: dict[str, bytes]) -> None:
    folder = tmp_path / "codes"
    found = in_group(2, tmp_path, encode, folder, Troubled(55, fill_disk))
    assert isinstance(found[1], StorageError)
    assert str(found[1]).startswith(f"{folder / 'codes-00005-of-00009.safetensors'} cannot be written: File too large.")
    assert str(found[0]).startswith("process 1 of 2 failed: StorageError: ")
    assert len(finished(folder, whole)) == 5
    assert not any(path.is_dir() for path in folder.iterdir())
    completed(folder, whole, lambda: in_group(2, tmp_path, encode, folder))


def test_a_full_disk_alone(tmp_path: Path, whole: dict[str, bytes], file_size_limit: Callable[[int], None]) -> None:
    folder = tmp_path / "codes"
    model = Troubled(35, lambda: file_size_limit(100))
    with pytest.raises(StorageError, match=r"codes-00003-of-00009\.safetensors cannot be written: File too large\."):
        encode_shards(model, data(N), folder, shard_size=SHARD, batch_size=4)
    file_size_limit(resource.RLIM_INFINITY)
    assert len(finished(folder, whole)) == 3
    completed(folder, whole, lambda: encode_shards(TwoHalves(), data(N), folder, shard_size=SHARD, batch_size=4))


def test_no_space_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StorageError, match=r"manifest\.json cannot be written: No space left on device\..*run again"):
        encode_shards(TwoHalves(), data(N), tmp_path, shard_size=SHARD)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("interruptible")
def test_an_interruption(tmp_path: Path, whole: dict[str, bytes]) -> None:
    folder = tmp_path / "codes"
    model = Troubled(75, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        encode_shards(model, data(N), folder, shard_size=SHARD, batch_size=4)
    assert len(finished(folder, whole)) == 7
    completed(folder, whole, lambda: encode_shards(TwoHalves(), data(N), folder, shard_size=SHARD, batch_size=4))
