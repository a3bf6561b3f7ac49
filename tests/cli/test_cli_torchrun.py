"""The command line under torchrun writes what it writes alone, byte for byte."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.builders import data
from tests.helpers.command_line import MODELS, Shell
from tests.helpers.shard_tasks import contents

pytestmark = pytest.mark.slow

MORE_MODELS = """
import time
from pathlib import Path

class Slow(TwoHalves):
    def encode(self, x):
        time.sleep(0.2)
        return super().encode(x)

def slow():
    return Slow()
"""
ENCODE = ("encode", "--data", "x.npy", "--shard-size", "64", "--model", "my_models:two_halves", "--out")
FIT = ("fit", "--set", "n_centroids=20", "--set", "n_steps=4", "--codes")
SAMPLE = ("sample", "--model", "my_models:two_halves", "-n", "3000", "--seed", "3", "--shard-size", "512", "--sampler")


def torchrun(n: int) -> tuple[str, ...]:
    runner = (sys.executable, "-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0")
    return (*runner, "--nproc-per-node", str(n), "-m", "riemann_sampler")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command line in this process."""
    return Shell(tmp_path, monkeypatch, capsys)


@pytest.fixture
def folder(shell: Shell, tmp_path: Path) -> Path:  # noqa: ARG001 (it writes files of these names too)
    (tmp_path / "my_models.py").write_text(MODELS + MORE_MODELS)
    np.save(tmp_path / "x.npy", data(1000).numpy())
    return tmp_path


def started(folder: Path, *command: str) -> subprocess.Popen[str]:
    path = os.pathsep.join((str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def run(folder: Path, *command: str) -> tuple[int, str, str]:
    process = started(folder, *command)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_two_processes_write_what_one_does(folder: Path, shell: Shell) -> None:
    said = {}
    for name in ("one", "two"):
        said[name] = ""
        for command in (
            (*ENCODE, f"codes_{name}"),
            (*FIT, f"codes_{name}", "--out", f"sampler_{name}"),
            (*SAMPLE, f"sampler_{name}", "--out", f"samples_{name}"),
        ):
            status, out, err = shell(*command) if name == "one" else run(folder, *torchrun(2), *command)
            assert (status, "rror" in err) == (0, False), err
            said[name] += out.replace(name, "…")
    assert said["two"] == said["one"]
    for what, n_files in (("codes", 17), ("sampler", 2), ("samples", 7)):
        found = contents(folder / f"{what}_two")
        assert found == contents(folder / f"{what}_one")
        assert len(found) == n_files


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="no /proc that lists children")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT], ids=["killed", "interrupted"])
def test_a_run_that_was_cut_short_is_completed(end: signal.Signals, folder: Path, shell: Shell) -> None:
    """A process is killed, or torchrun interrupted as Ctrl-C does it."""
    slow = (*ENCODE[:-3], "--model", "my_models:slow", "--batch-size", "64", "--out", "codes")
    process = started(folder, *torchrun(2), *slow)
    deadline = time.monotonic() + 60
    while len(list((folder / "codes").glob("codes-*"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    if end is signal.SIGKILL:
        os.kill(children(process.pid)[1], end)
    else:
        process.send_signal(end)
    process.communicate(timeout=120)
    assert process.returncode != 0

    assert shell(*ENCODE, "wanted", "--batch-size", 64)[0] == 0
    wanted = contents(folder / "wanted")
    finished = {path.name: path.stat() for path in (folder / "codes").iterdir() if path.is_file()}
    assert 3 < len(finished) < len(wanted)
    for name in finished:
        assert (folder / "codes" / name).read_bytes() == wanted[name]
    assert shell(*ENCODE, "codes", "--batch-size", 64)[0] == 0
    assert contents(folder / "codes") == wanted
    for name, before in finished.items():
        assert (folder / "codes" / name).stat().st_mtime_ns == before.st_mtime_ns
