"""The examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.slow
def test_encode_with_datasets(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "OMP_NUM_THREADS": "1", "HF_HOME": str(tmp_path)}
    command = [sys.executable, str(EXAMPLES / "encode_with_datasets.py")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    headline, *picture = done.stdout.splitlines()
    found = re.fullmatch(r"1797 images encoded, mean squared error (0\.\d+); 16 drawn:", headline)
    assert found
    assert float(found[1]) < 0.03  # the mean image has 0.073
    assert [len(row) for row in picture] == [8] * 8
    assert "#" in "".join(picture)
