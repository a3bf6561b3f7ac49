"""The examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.data.datasets import FASHION_FOLDER

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(script: str, *arguments: str, folder: Path) -> str:
    """What an example prints, run in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent), "OMP_NUM_THREADS": "1", "HF_HOME": str(folder)}
    command = [sys.executable, str(EXAMPLES / script), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_pictures(folder: Path, names: set[str]) -> None:
    """Whether these pictures, and no others, are in a folder, none of them blank."""
    assert {path.name for path in folder.iterdir()} == names
    for name in names:
        with Image.open(folder / name) as picture:
            assert np.asarray(picture.convert("L"), dtype=float).std() > 20, name


@pytest.mark.slow
def test_encode_with_datasets(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    headline, *picture = run("encode_with_datasets.py", folder=tmp_path).splitlines()
    found = re.fullmatch(r"1797 images encoded, mean squared error (0\.\d+); 16 drawn:", headline)
    assert found
    assert float(found[1]) < 0.03  # the mean image has 0.073
    assert [len(row) for row in picture] == [8] * 8
    assert "#" in "".join(picture)


@pytest.mark.slow
def test_low_data(tmp_path: Path) -> None:
    """The example, in so few lines, shows what it says it shows."""
    pytest.importorskip("imblearn")
    assert len((EXAMPLES / "low_data.py").read_text().splitlines()) <= 30
    counts, before, after = run("low_data.py", folder=tmp_path).splitlines()
    assert counts.endswith("1800 kept")
    scores = [
        float(re.fullmatch(r"[a-z0-9 ]+: (0\.\d+) of the other digits recognised", line)[1]) for line in (before, after)
    ]
    assert scores[1] > scores[0] + 0.02


@pytest.mark.slow
@pytest.mark.skipif(not FASHION_FOLDER.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_gallery_of_fashion(tmp_path: Path) -> None:
    run("gallery_fashion.py", "--folder", "pictures", "--steps", "60", "--images", "400", folder=tmp_path)
    check_pictures(tmp_path / "pictures", {"fashion-samples.png", "fashion-paths.png"})


@pytest.mark.slow
@pytest.mark.skipif(not FASHION_FOLDER.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_picture_of_the_readme(tmp_path: Path) -> None:
    run("before_after.py", "--output", "pictures/both.png", "--steps", "60", "--images", "400", folder=tmp_path)
    check_pictures(tmp_path / "pictures", {"both.png"})
