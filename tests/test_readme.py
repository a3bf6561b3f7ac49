"""The README is true: its code runs as it stands, its tables are those of the committed results."""

import re
from pathlib import Path

import pytest
import torch

from benchmarks.readme import RESULTS, filled
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.settings import PRESETS
from tests.models import make_digits_vae

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def names():
    """What the README takes for granted: a trained VAE, its images, and two functions."""
    vae, images = make_digits_vae(latent_dim=2, epochs=10)

    def my_encode(x):
        output = vae.encoder(x)
        return output.embedding, (0.5 * output.log_covariance).exp()

    def my_decode(z):
        return vae.decoder(z).reconstruction

    return {"vae": vae, "train_images": images[:400], "my_encode": my_encode, "my_decode": my_decode}


def test_it_opens_with_four_lines():
    assert len(BLOCKS[0].strip().splitlines()) <= 4


def test_its_code_runs(names, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = dict(names)
    for block in BLOCKS:
        code = block.replace("latent_dim=16", "latent_dim=2")  # the VAE of this test is a small one
        exec(compile(code, "README.md", "exec"), namespace)
    assert namespace["images"].shape == (64, 1, 8, 8)
    assert isinstance(namespace["sampler"], RiemannianUniformSampler)
    assert torch.isfinite(namespace["sampler"].sample(3)).all()
    assert "temperature" in capsys.readouterr().out


def test_its_tables_are_those_of_the_committed_results():
    assert filled(README) == README


def test_its_pictures_are_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(pictures) >= 2
    for picture in pictures:
        assert (RESULTS.parent.parent / picture).stat().st_size > 10_000


def test_it_names_every_preset():
    assert all(f'`"{preset}"`' in README for preset in PRESETS)
