"""From a trained model to pictures, the way the help shows it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.files.images import read_images
from tests.helpers.command_line import SMALL, Shell
from tests.helpers.models import make_digits_vae

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained() -> Any:
    return make_digits_vae(epochs=3)


@pytest.fixture
def shell(trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """In a folder with the images and the model's weights."""
    shell = Shell(tmp_path, monkeypatch, capsys)
    model, images = trained
    torch.save(model.state_dict(), "vae.pt")
    np.save("x.npy", images.numpy())
    return shell


def test_from_fit_to_pictures(shell: Shell, trained: Any) -> None:
    status, out, err = shell.fit("--seed", 5, "--batch-size", 300, model="my_models:trained")
    assert (status, err) == (0, "")
    assert "read x.npy: shape (1797, 1, 8, 8), float32, from 0 to 1\n" in out
    assert out.endswith("saved to sampler\n")

    status, described, err = shell("info", "sampler")
    assert (status, err) == (0, "")
    assert described.splitlines()[:2] == out.splitlines()[2:4]

    for name, seed in (("a.npy", 1), ("b.npy", 1), ("c.npy", 2)):
        status, out, err = shell.sample("-n", 12, "--seed", seed, "--out", name, model="my_models:trained")
        assert (status, out, err) == (0, f"wrote 12 samples of shape (1, 8, 8) to {name}\n", "")
    a, b, c = (Path(name).read_bytes() for name in ("a.npy", "b.npy", "c.npy"))
    assert a == b != c

    sampler = RiemannianUniformSampler(trained[0], **SMALL, batch_size=300).fit(trained[1], seed=5)
    assert np.array_equal(np.load("a.npy"), sampler.sample(12, seed=1).numpy())

    assert shell.sample("-n", 12, "--seed", 1, "--out", "pictures", model="my_models:trained")[0] == 0
    assert np.array_equal(read_images(Path("pictures")), np.round(np.load("a.npy") * 255).astype(np.uint8))


def test_a_folder_of_pythae(shell: Shell, trained: Any) -> None:
    trained[0].save("vae")
    assert shell.fit(model="vae")[0] == 0
    assert shell.sample("-n", 3, "--seed", 1, "--out", "a.npy", model="vae")[0] == 0
    assert shell.sample("-n", 3, "--seed", 1, "--out", "b.npy", model="my_models:trained")[0] == 0
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()


@pytest.mark.slow
def test_as_a_program(shell: Shell) -> None:
    assert shell.fit(model="my_models:trained")[0] == 0
    arguments = ["--model", "my_models:trained", "-n", 5, "--seed", 1, "--out"]
    assert shell.sample(*arguments, "a.npy")[0] == 0
    command = [sys.executable, "-m", "riemann_sampler", "sample", "--sampler", "sampler", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "b.npy"], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()
    refused = subprocess.run(
        [*command, "c.npy", "--seed", "-1"], capture_output=True, text=True, env=environment, check=False
    )
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "riemann-sampler: error: seed must be at least 0, got -1.\n"
