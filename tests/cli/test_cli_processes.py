"""What the command line says when it runs as several processes, as torchrun starts them."""

import contextlib
import io
import os
import re
import socket
from pathlib import Path

import numpy as np
import pytest
import torch.distributed as dist

from riemann_sampler.cli.main import main
from tests.helpers.builders import data
from tests.helpers.processes import in_group

MODEL = """
import os
from tests.helpers.builders import TwoHalves

def only_on_the_first():
    if os.environ.get("RANK") == "1":
        raise RuntimeError("no model here")
    return TwoHalves()
"""


def launched_main(folder: str, port: int, arguments: tuple[str, ...]) -> tuple[int, str]:
    """Status and errors of the command line in a process that has the variables torchrun sets."""
    rank, size = dist.get_rank(), dist.get_world_size()
    dist.destroy_process_group()
    os.chdir(folder)
    address = {"MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size), **address}
    with contextlib.redirect_stderr(io.StringIO()) as err:
        status = main([*arguments])
    return status, err.getvalue()


def in_two(folder: Path, *arguments: str) -> list[tuple[int, str]]:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    return in_group(2, folder, launched_main, str(folder), port, arguments)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "my_models.py").write_text(MODEL)
    np.save(tmp_path / "x.npy", data(20).numpy())
    return tmp_path


def test_an_error_on_one_process_is_one_line(folder: Path) -> None:
    command = ("encode", "--data", "x.npy", "--model", "my_models:only_on_the_first", "--out", "codes")
    found = in_two(folder, *command)
    assert [status for status, _ in found] == [2, 2]
    assert re.findall(r"riemann-sampler.*error.*", "".join(err for _, err in found)) == [
        "riemann-sampler: error: process 1 of 2 failed: ArgumentError: --model 'my_models:only_on_the_first': the "
        "function, called without arguments, raised RuntimeError: no model here."
    ]
    assert not (folder / "codes").exists()


def test_processes_without_shards_to_share(folder: Path) -> None:
    found = in_two(folder, "sample", "--sampler", "s", "-n", "3", "--latents", "--out", "z.npy")
    assert [status for status, _ in found] == [2, 2]
    assert len(re.findall("--shard-size is missing", "".join(err for _, err in found))) == 1
