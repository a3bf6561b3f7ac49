"""Samplers of pythae's own, and what they leave in a folder."""

from pathlib import Path
from typing import Any

from pythae.samplers import NormalSampler

from riemann_sampler.pythae import RiemannianSamplerConfig
from tests.helpers.models import make_pythae

FAST = RiemannianSamplerConfig(law="islands", n_centroids=None)


def native(model: Any) -> NormalSampler:
    """A sampler of pythae's own, around a model of its own to move and change."""
    own = make_pythae("VAE", latent_dim=2)
    own.load_state_dict(model.state_dict())
    return NormalSampler(own)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
