"""The code of the how-to page runs."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import AdapterRegistry, registry
from tests.models import PlainVAE, digit_images, make_plain_vae

PAGE = (Path(__file__).parent.parent / "docs" / "write-an-adapter.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


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
    for block in BLOCKS:
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
