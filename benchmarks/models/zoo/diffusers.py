"""diffusers' autoencoders of images, small enough for digits."""

from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
from torch import Tensor

from ...data.datasets import digits
from ...harness.isolation import set_apart
from . import Trained
from .training import train

__all__ = ["LATENT_SHAPE", "MODELS", "REFUSED", "make_diffusers"]

LATENT_SHAPE = (2, 4, 4)
"""Of an image of 8 × 8."""

_CHANNELS = (8, 16)


def make_diffusers(name: str = "AutoencoderKL", *, base: type | None = None, **config: Any) -> Any:
    """An untrained autoencoder of images with one channel, of a class of diffusers or of ``base``."""
    is_asymmetric = name == "AsymmetricAutoencoderKL"
    widths = ("down_block_out_channels", "up_block_out_channels") if is_asymmetric else ("block_out_channels",)
    arguments = {
        "in_channels": 1,
        "out_channels": 1,
        "down_block_types": ("DownEncoderBlock2D",) * len(_CHANNELS),
        "up_block_types": ("UpDecoderBlock2D",) * len(_CHANNELS),
        "norm_num_groups": 4,
        "latent_channels": LATENT_SHAPE[0],
        "sample_size": 8,
        **dict.fromkeys(widths, _CHANNELS),
    }
    with set_apart():
        return (base or getattr(diffusers, name))(**(arguments | config))


def _trained(name: str, **config: Any) -> Trained:
    images = 2 * digits().train - 1  # as diffusers has images
    model = make_diffusers(name, **config)

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        law = model.encode(x).latent_dist
        return law.mean, law.logvar

    train(model, encode, lambda z: model.decode(z).sample, images, beta=0.02)
    return Trained(model, images)


MODELS: dict[str, Callable[[], Trained]] = {
    "AutoencoderKL": partial(_trained, "AutoencoderKL", mid_block_add_attention=False),
    "AsymmetricAutoencoderKL": partial(_trained, "AsymmetricAutoencoderKL"),
    "AutoencoderKLFlux2": partial(_trained, "AutoencoderKLFlux2", mid_block_add_attention=False),
}

REFUSED: dict[str, Callable[[], Any]] = {
    "VQModel": partial(make_diffusers, "VQModel"),
    "AutoencoderTiny": diffusers.AutoencoderTiny,
}
