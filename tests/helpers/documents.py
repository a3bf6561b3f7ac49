"""Markdown documents: their code and commands, and what these take for granted."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits

from benchmarks.models.zoo import pythae
from tests.helpers.models import digit_images, make_digits_vae

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def code_blocks(text: str) -> list[str]:
    """Python code, block by block."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def commands(text: str) -> list[str]:
    """Commands of the blocks that are marked as such."""
    return [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


def run(text: str, names: dict[str, Any], **numbers: int) -> dict[str, Any]:
    """Run all code of a document, some numbers replaced by smaller ones, and give back what its names then are."""
    names = dict(names)
    with torch.random.fork_rng(devices=[]):  # new nets are drawn, and loaders that shuffle draw from it
        for block in code_blocks(text):
            code = block.replace("latent_dim=16", "latent_dim=2")  # the VAE of the tests is a small one
            for name, number in numbers.items():
                code = re.sub(rf"\b{name}=\d+", f"{name}={number}", code)
            exec(compile(code, "page.md", "exec"), names)
    return names


def take_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train the nets of `RiemannianOverSampler` for so few steps that its code runs; its purpose needs more."""
    monkeypatch.setattr("riemann_sampler.augmentation.small_vae.N_STEPS", 20)
    monkeypatch.setattr("riemann_sampler.augmentation.classifiers.N_STEPS", 20)


def write_trained_folder(folder: Path) -> None:
    """A saved pythae model, and images, as documents name them."""
    images = digit_images()[:400]
    np.save(folder / "images.npy", images.numpy())
    pythae.train_pythae("BetaVAE", images, n_epochs=15, folder=folder / "trained")
    (folder / "my_vae").mkdir()
    next((folder / "trained").glob("*/final_model")).rename(folder / "my_vae" / "final_model")


@cache
def trained_vae() -> tuple[Any, torch.Tensor]:
    """A small VAE, which nothing changes, and the images that it was trained on."""
    return make_digits_vae(latent_dim=2, epochs=10)


def common_names() -> dict[str, Any]:
    """A trained VAE as a model and as two functions, images, their classes, and a table."""
    vae, images = trained_vae()

    def my_encode(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        output = vae.encoder(x)
        return output.embedding, (0.5 * output.log_covariance).exp()

    def my_decode(z: torch.Tensor) -> torch.Tensor:
        return vae.decoder(z).reconstruction

    measurements, tumours = load_breast_cancer(return_X_y=True)
    return {
        "vae": vae,
        "train_images": images[:400],
        "train_labels": load_digits().target[:400],
        "my_encode": my_encode,
        "my_decode": my_decode,
        "X": measurements[:60],
        "y": tumours[:60],
    }
