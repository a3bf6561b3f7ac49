"""What a run was: written beside its figures, so that a table can be traced and made again."""

import json
import platform
import re
import subprocess
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

__all__ = ["PeakMemory", "environment", "replace_file", "write_json"]


def environment(*also: str) -> dict[str, Any]:
    """Commit, versions, processor and threads of this run; the versions of these packages too."""
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    packages = ("riemann-sampler", "torch", "numpy", "scipy", "scikit-learn", *also)
    return {
        "commit": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "machine": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "not run, there was no device",
    }


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """Write figures, which hold the environment that gave them."""
    replace_file(path, json.dumps(figures, indent=2).encode())


class PeakMemory:
    """How far resident memory grows from now on above what it is now; on Linux, else unknown."""

    def __init__(self) -> None:
        # Writing 5 sets the recorded peak back to what is resident now; see proc(5).
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._before = _peak_mib()

    def growth_mib(self) -> float | None:
        """The growth so far in MiB, or None where it cannot be measured."""
        after = _peak_mib()
        return None if after is None or self._before is None else max(0.0, after - self._before)


def _peak_mib() -> float | None:
    with suppress(OSError):
        found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) / 1024 if found else None
    return None
