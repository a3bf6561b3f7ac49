"""Folders of shards: numbered files that appear whole or not at all, and a manifest of what they are parts of."""

import json
import math
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..compute import Communicator, progress_bar
from ..errors import StorageError
from ..files import SCRATCH_PREFIX, all_at_once

__all__ = ["Shards", "probe", "read_manifest"]

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1
TOLERANCE = 1e-2
"""Lists of numbers in manifests agree if they do up to this: one model gives them on machines of any kind."""


@dataclass(frozen=True)
class Shards:
    """Consecutive rows in numbered files of one folder.

    Attributes:
        folder: Where the files are.
        stem: What their names begin with.
        suffix: What their names end with.
        n_rows: How many rows all of them hold.
        shard_size: How many rows each holds, but for the last.
        rows_in: The number of rows in a file; it raises an exception on one that is not whole.

    Example:
        >>> shards = Shards(Path("my_codes"), "codes", ".safetensors", 200_000, 65_536, rows_in)
    """

    folder: Path
    stem: str
    suffix: str
    n_rows: int
    shard_size: int
    rows_in: Callable[[Path], int]

    def __len__(self) -> int:
        return max(1, math.ceil(self.n_rows / self.shard_size))

    def rows(self, index: int) -> range:
        """The rows of a shard."""
        first = index * self.shard_size
        return range(first, min(first + self.shard_size, self.n_rows))

    def path(self, index: int) -> Path:
        """The file of a shard."""
        return self.folder / f"{self.stem}-{index:05d}-of-{len(self):05d}{self.suffix}"

    def missing(self) -> list[int]:
        """The shards that are not there, or not whole."""
        return [index for index in range(len(self)) if not self._is_whole(index)]

    def fill(
        self, describe: Callable[[], dict[str, Any]], content: Callable[[int], bytes], communicator: Communicator
    ) -> None:
        """Write the manifest, then each shard that is missing; the processes share them out.

        Args:
            describe: What the shards are parts of, as JSON knows it; called by the first process alone.
            content: Content of a shard's file.
            communicator: The processes that make this call.

        Raises:
            StorageError: If the folder holds shards of something else, or a file cannot be written.
        """

        def missing() -> tuple[Tensor]:
            self._open(describe())
            return (torch.tensor(self.missing(), dtype=torch.int64),)

        def write(index: int) -> tuple[()]:
            _write(self.path(due[index]), content(due[index]))
            return ()

        due = communicator.from_first(missing)[0].tolist()
        for _ in progress_bar(communicator.in_order(len(due), write), total=len(due), desc=self.stem, unit="shard"):
            pass

    def _open(self, description: dict[str, Any]) -> None:
        """Write the manifest, or check the one that is there, and remove what interrupted runs left behind."""
        wanted = {
            "schema_version": SCHEMA_VERSION,
            "kind": self.stem,
            "n_rows": self.n_rows,
            "shard_size": self.shard_size,
            **description,
        }
        if (self.folder / MANIFEST).exists():
            found = read_manifest(self.folder)
            names = [name for name in {**found, **wanted} if not _agree(found.get(name), wanted.get(name))]
            if names:
                said = "; ".join(f"{name} is {found.get(name)!r} there, {wanted.get(name)!r} here" for name in names)
                msg = f"{self.folder} holds shards of another run: {said}. Name another folder, or empty this one."
                raise StorageError(msg)
        elif any(self.folder.glob(f"{self.stem}-*{self.suffix}")):
            msg = f"{self.folder} holds {self.stem} without a {MANIFEST}. Name another folder, or empty this one."
            raise StorageError(msg)
        else:
            _write(self.folder / MANIFEST, json.dumps(wanted, indent=2).encode())
        for scratch in self.folder.glob(f"{SCRATCH_PREFIX}*"):
            shutil.rmtree(scratch, ignore_errors=True)

    def _is_whole(self, index: int) -> bool:
        try:
            return self.rows_in(self.path(index)) == len(self.rows(index))
        except Exception:  # a damaged file makes readers raise errors of many kinds
            return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder of shards; a `StorageError` if there is none that this release can read."""
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"{folder} holds no shards: there is no {MANIFEST}."
        raise StorageError(msg) from error
    except ValueError as error:
        msg = f"{path} is damaged: {error}. Empty the folder and write the shards again."
        raise StorageError(msg) from error
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if version != SCHEMA_VERSION:
        msg = f"{path} has schema version {version!r}, this release reads {SCHEMA_VERSION}. Write the shards again."
        raise StorageError(msg)
    return manifest


def probe(values: Tensor, n: int) -> list[float]:
    """At most n of the values, evenly spaced, for a manifest: by them one model, or its data, is told from another."""
    flat = values.detach().flatten().double().nan_to_num().cpu()
    return flat[:: max(1, math.ceil(len(flat) / n))].tolist()


def _agree(found: Any, wanted: Any) -> bool:
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        pairs = zip(found, wanted, strict=True)
        return all(math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for one, other in pairs)
    return bool(found == wanted)


def _write(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all, and on the disk before it has its name."""
    try:
        with all_at_once(path.parent) as scratch, (scratch / path.name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}. Shards that are finished stay; run again to write the rest."
        raise StorageError(msg) from error
