"""What is written beside figures."""

import json
from pathlib import Path

import numpy as np
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
    np.ones(40 * 2**17)  # 40 MiB that came and went before
    memory = PeakMemory()
    assert memory.growth_mib() < 10
    np.ones(60 * 2**17)
    assert 50 < memory.growth_mib() < 90
