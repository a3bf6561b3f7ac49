"""The code of the pages runs."""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import AdapterRegistry, registry
from tests.helpers.models import PlainVAE, digit_images, make_digits_vae, make_plain_vae

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


PAGE = (DOCS / "write-an-adapter.md").read_text()


class Gaussian(NamedTuple):
    mu: Tensor
    sigma: Tensor


class Net(nn.Module):
    """A model of a library that calls its methods otherwise."""

    def __init__(self, vae: PlainVAE) -> None:
        super().__init__()
        self.vae = vae

    def posterior(self, x: Tensor) -> Gaussian:
        mean, log_variance = self.vae.encode(x)
        return Gaussian(mean, (log_variance / 2).exp())

    def generate(self, z: Tensor) -> Tensor:
        return self.vae.decode(z)


Net.__module__ = "mylibrary.nets"


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the net is not trained
def test_its_code_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    known = AdapterRegistry({})
    monkeypatch.setattr(registry, "as_latent_model", known)
    monkeypatch.setattr("riemann_sampler.adapters.as_latent_model", known)
    names = {"net": Net(make_plain_vae(2)).eval(), "images": digit_images()[:200]}
    samplers = []
    for block in blocks(PAGE):
        exec(compile(block, "write-an-adapter.md", "exec"), names)
        samplers.append(names["sampler"])
    assert known.names == ("mylibrary",)
    names["net"].eval()
    for sampler in samplers:
        assert isinstance(sampler, RiemannianUniformSampler)
        assert sampler.sample(3, seed=0).shape == (3, 1, 8, 8)
    torch.testing.assert_close(samplers[0].sample(3, seed=0), samplers[1].sample(3, seed=0))


def test_it_names_the_group_of_entry_points() -> None:
    assert f'[project.entry-points."{registry.ENTRY_POINT_GROUP}"]' in PAGE


def test_the_page_on_geometry_runs(capsys: pytest.CaptureFixture[str]) -> None:
    vae, images = make_digits_vae(latent_dim=2, epochs=10)
    names = {"vae": vae, "images": images[:300]}
    for block in blocks((DOCS / "geometry.md").read_text()):
        exec(compile(block, "geometry.md", "exec"), names)
    assert names["decoded"].shape == (4, 16, 1, 8, 8)
    assert names["curves"].points.shape == (4, 32, 2)
    assert names["far"].shape == (4, 4)
    torch.testing.assert_close(names["there"], names["a"] + 0.1, rtol=0, atol=1e-3)
    assert names["walks"].points.shape == (8, 21, 2)
    assert names["clusters"].labels_.shape == (200,)
    assert torch.isfinite(names["mean"].point).all()
    assert names["around"].z.shape == (8, 2)
    assert "noise" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the net is hardly trained
def test_the_page_on_augmentation_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("imblearn")
    monkeypatch.setattr(
        "riemann_sampler.augmentation.small_vae.N_STEPS", 100
    )  # enough for the code, not for its purpose
    vae, images = make_digits_vae(latent_dim=8, epochs=10)
    measurements, y = load_breast_cancer(return_X_y=True)
    rows = np.r_[np.flatnonzero(y == 0)[:40], np.flatnonzero(y == 1)[:90]]
    names = {
        "vae": vae,
        "images": images[:400],
        "digits": load_digits().target[:400],
        "X": measurements[rows],
        "y": y[rows],
    }
    with torch.random.fork_rng(devices=[]):  # loaders that shuffle draw from it
        for block in blocks((DOCS / "augmentation.md").read_text()):
            exec(compile(block, "augmentation.md", "exec"), names)
    assert len(names["scores"]) == 5
    assert np.bincount(names["y_more"]).tolist() == [200, 200]
    assert names["sevens"].shape == (20, 1, 8, 8)
    assert names["some"].shape == (15, 1, 8, 8)
    assert names["paired"].shape == (32, 1, 8, 8)
    assert names["dataset"].n_synthetic == 800
    assert names["x"].shape[1:] == (1, 8, 8)
    assert len(names["fresh"]) <= 20
    assert capsys.readouterr().out.count("kept") == 3
