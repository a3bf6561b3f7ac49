"""What a process of a group does in the tests of shards, and models at which it comes to grief."""

import os
import resource
import signal
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed as dist
from torch import Tensor

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler
from riemann_sampler.sharding.tasks import encode_shards, sample_shards
from tests.helpers.builders import TwoHalves, data

N, SHARD = 90, 10
"""Rows of data, and of a shard."""


class Troubled(TwoHalves):
    """It does something when it is to encode the row of a number, or decode after as many calls."""

    def __init__(self, row: int, trouble: Any) -> None:
        super().__init__()
        self._bad, self._trouble = data(N)[row], trouble

    def encode(self, x: Any) -> GaussianPosterior:
        if len(x) > 1 and (x == self._bad).all(1).any():  # rows by themselves are encoded for the manifest
            self._trouble()
        return super().encode(x)


class TroubledDecoder(TwoHalves):
    """It does something when it has decoded a number of batches."""

    def __init__(self, n: int, trouble: Any) -> None:
        super().__init__()
        self._n, self._trouble = n, trouble

    def decode(self, z: Tensor) -> Tensor:
        if len(self.decoded) == self._n:
            self._trouble()
        return super().decode(z)


def die() -> None:
    """What the system's out-of-memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)


def fill_disk() -> None:
    """Let every file that is longer than 100 bytes fail from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))


def encode(folder: Path, model: Any = None) -> None:
    encode_shards(model or TwoHalves(), data(N), folder, shard_size=SHARD, batch_size=4, group=dist.group.WORLD)


def sample(saved: Path, folder: Path, model: Any = None) -> None:
    sampler = RiemannianUniformSampler.load(saved, model or TwoHalves())
    sample_shards(sampler, 45, folder, seed=3, shard_size=10, group=dist.group.WORLD)


def contents(folder: Path) -> dict[str, bytes]:
    """What every file holds, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """By which a file that was written again is told from one that stayed."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in folder.iterdir()}


def arrays(folder: Path, stem: str = "samples") -> list[np.ndarray]:
    return [np.load(path) for path in sorted(folder.glob(f"{stem}-*.npy"))]
