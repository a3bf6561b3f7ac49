"""MONAI's variational autoencoders, small enough for digits."""

from collections.abc import Callable
from functools import partial
from typing import Any

from monai.networks import nets
from torch import Tensor

from ...data.datasets import digits
from ...harness.isolation import set_apart
from . import Trained
from .training import train

__all__ = ["LATENT_DIM", "MODELS", "REFUSED", "SIDE", "make_monai"]

SIDE = 8
"""Of the images and volumes that the models are made for."""

LATENT_DIM = 3
"""Of the models whose codes are vectors."""


def make_monai(name: str, *, spatial_dims: int = 2, base: type | None = None, **config: Any) -> Any:
    """An untrained autoencoder of data with one channel, of a class of MONAI or of ``base``."""
    with set_apart():
        return (base or getattr(nets, name))(**(_arguments(name, spatial_dims) | config))


def _arguments(name: str, spatial_dims: int) -> dict[str, Any]:
    if name == "VarFullyConnectedNet":
        sizes = {"in_channels": SIDE, "out_channels": SIDE, "latent_size": LATENT_DIM}
        return sizes | {"encode_channels": (16,), "decode_channels": (16,)}
    common = {"spatial_dims": spatial_dims, "out_channels": 1}
    if name in ("AutoEncoder", "VarAutoEncoder"):
        layers = {"channels": (4, 8), "strides": (2, 2)}
        if name == "AutoEncoder":
            return common | layers | {"in_channels": 1}
        return common | layers | {"in_shape": (1,) + (SIDE,) * spatial_dims, "latent_size": LATENT_DIM}
    return common | {
        "in_channels": 1,
        "num_res_blocks": 1,
        "channels": (8, 16),
        "attention_levels": (False, False),
        "latent_channels": 2,
        "norm_num_groups": 4,
        "with_encoder_nonlocal_attn": False,  # attention needs einops
        "with_decoder_nonlocal_attn": False,
    }


def _trained_spatial() -> Trained:
    images, model = digits().train, make_monai("AutoencoderKL")

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        mean, deviation = model.encode(x)
        return mean, 2 * deviation.log()

    train(model, encode, model.decode, images, beta=0.02)
    return Trained(model, images)


def _trained_vectorial(name: str, *, is_flat: bool = False, **config: Any) -> Trained:
    images, model = digits().train, make_monai(name, latent_size=8, **config)
    images = images.flatten(1) if is_flat else images
    train(model, model.encode_forward, model.decode_forward, images, n_epochs=12, beta=0.02)
    return Trained(model, images)


MODELS: dict[str, Callable[[], Trained]] = {
    "VarAutoEncoder": partial(_trained_vectorial, "VarAutoEncoder", norm="batch"),
    "VarFullyConnectedNet": partial(
        _trained_vectorial,
        "VarFullyConnectedNet",
        is_flat=True,
        in_channels=64,
        out_channels=64,
        encode_channels=(64,),
        decode_channels=(64,),
    ),
    "AutoencoderKL": _trained_spatial,
}

REFUSED: dict[str, Callable[[], Any]] = {
    "AutoEncoder": partial(make_monai, "AutoEncoder"),
    "VQVAE": partial(nets.VQVAE, spatial_dims=2, in_channels=1, out_channels=1),
}
