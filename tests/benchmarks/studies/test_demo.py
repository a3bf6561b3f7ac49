"""The demo, run in its quick form."""

import json
import math
from contextlib import redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.studies import demo
from benchmarks.studies.demo import HEADINGS, main
from riemann_sampler import RiemannianUniformSampler

pytestmark = pytest.mark.slow  # it trains two models

BASELINES = ["N(0, I)", "GMM-10", "aggregate posterior"]
SAMPLERS = [*BASELINES, "ours: uniform", "ours: calibrated", "ours: clusters", "ours: local"]
CEILING = "reconstructions of held-out"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that a quick run has written, its printed text in ``printed.txt``."""
    folder = tmp_path_factory.mktemp("demo")
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    short = partial(RiemannianUniformSampler, n_steps=10, n_warmup=20)
    with redirect_stdout(StringIO()) as printed, pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "RiemannianUniformSampler", short)
        patch.setattr(demo, "classifier", partial(demo.classifier, n_steps=300))
        main(["--quick", "--output", str(folder / "output")])
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
    (folder / "output" / "printed.txt").write_text(printed.getvalue())
    return folder / "output"


def test_table_has_every_sampler(output: Path) -> None:
    record = json.loads((output / "table.json").read_text())
    assert [row["sampler"] for row in record["rows"]] == [*SAMPLERS, CEILING]
    for row in record["rows"]:
        seconds = [row.pop("fit_seconds"), row.pop("sample_seconds")]
        assert seconds == [None, None] if row["sampler"] == CEILING else min(seconds) > 0
        figures = {key: value for key, value in row.items() if key != "sampler"}
        assert all(math.isfinite(value) for value in figures.values()), row
        assert all(0 <= row[key] <= 1 for key in ("precision", "recall", "coverage", "authenticity")), row
        assert row["frechet_distance"] > 0
        assert row["n_images"] == (500 if row["sampler"] == CEILING else 100)


def test_markdown_holds_the_figures(output: Path) -> None:
    text = (output / "table.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = json.loads((output / "table.json").read_text())["rows"]
    assert len(lines) == 2 + len(rows)
    for line, row in zip(lines[2:], rows, strict=True):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert len(cells) == len(HEADINGS)
        assert cells[:2] == [row["sampler"], f"{row['frechet_distance']:.3f}"]
    assert text in (output / "printed.txt").read_text()


def test_says_what_the_figures_are_of(output: Path) -> None:
    text = (output / "table.md").read_text()
    for fact in ("digits-conv64", "400 training and 500 held-out", "100 samples", "seed 0", "torch threads", "pythae"):
        assert fact in text
    config = json.loads((output / "table.json").read_text())["config"]
    assert config["classifier_heldout_accuracy"] > 0.85
    assert config["active_units"] == config["latent_dim"] == 16
    assert "preset 'uniform'" in (output / "printed.txt").read_text()  # the sampler's summary


@pytest.mark.parametrize("name", ["samples.png", "log_volume.png"])
def test_pictures_are_no_blanks(output: Path, name: str) -> None:
    with Image.open(output / name) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 800
        pixels = np.asarray(picture.convert("L"), dtype=float)
    assert pixels.std() > 30
    height, width = pixels.shape
    quarters = [pixels[i : i + height // 2, j : j + width // 2] for i in (0, height // 2) for j in (0, width // 2)]
    assert min(quarter.std() for quarter in quarters) > 20


def test_leaves_nothing_half_written(output: Path) -> None:
    names = {"table.md", "table.json", "samples.png", "log_volume.png", "printed.txt"}
    assert {path.name for path in output.iterdir()} == names


def test_too_few_samples_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--samples", "0"])
    assert "--samples must be at least 64" in capsys.readouterr().err
