"""What is written beside figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness.provenance import environment, write_json


def test_environment_says_what_ran() -> None:
    found = environment("pythae")
    assert {"torch", "riemann-sampler", "pythae"} <= set(found["versions"])
    assert found["commit"]
    assert found["threads"] >= 1


def test_files_are_whole_or_not_there(tmp_path: Path) -> None:
    write_json(tmp_path / "new" / "figures.json", {"a": 1})
    assert json.loads((tmp_path / "new" / "figures.json").read_text()) == {"a": 1}
    with pytest.raises(TypeError):
        write_json(tmp_path / "new" / "figures.json", {"a": object()})
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["figures.json"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="resident memory is measured on Linux alone")
def test_peak_memory_sees_what_was_freed_again_and_nothing_before() -> None:
    """In a small process of its own: from a large one the system may take idle pages away meanwhile."""
    found = subprocess.run([sys.executable, "-c", MEASURE], check=True, capture_output=True, text=True).stdout
    before, after = map(float, found.split())
    assert before < 50
    assert 120 < after < 240


MEASURE = """
from mmap import PAGESIZE, mmap
from benchmarks.harness.provenance import PeakMemory

def use_for_a_while(mib):
    with mmap(-1, mib * 2**20) as block:
        for page in range(0, len(block), PAGESIZE):
            block[page] = 1

use_for_a_while(400)
memory = PeakMemory()
print(memory.growth_mib())
use_for_a_while(200)
print(memory.growth_mib())
"""
