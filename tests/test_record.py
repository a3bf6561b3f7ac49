"""What is written beside figures."""

import json
from mmap import PAGESIZE, mmap
from pathlib import Path

import pytest

from benchmarks.record import PeakMemory, environment, write_json


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
    use_for_a_while(400)
    memory = PeakMemory()
    assert memory.growth_mib() < 10
    use_for_a_while(60)
    assert 50 < memory.growth_mib() < 90


def use_for_a_while(mib: int) -> None:
    """Memory of the system's own, not of a heap that may hold free pages, touched and given back."""
    with mmap(-1, mib * 2**20) as block:
        for page in range(0, len(block), PAGESIZE):
            block[page] = 1
