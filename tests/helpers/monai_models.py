"""Small autoencoders of MONAI for the tests, imported when the first is made: that takes long."""

from functools import cache
from typing import Any

import torch
from torch import nn

from benchmarks.harness.isolation import set_apart
from benchmarks.models.zoo import Trained

SIDE, LATENT_DIM = 8, 3
"""Of the images and volumes of the models, and of those codes that are vectors."""


def make_monai(*arguments: Any, **options: Any) -> Any:
    """An untrained autoencoder, as the benchmarks make them."""
    with set_apart():
        from benchmarks.models.zoo import monai
    return monai.make_monai(*arguments, **options)


def make_mode_dependent_monai(name: str, spatial_dims: int = 2) -> Any:
    """An autoencoder in training mode, where its dropout and batch normalization act differently."""
    if name == "AutoencoderKL":
        model = make_monai(name, spatial_dims=spatial_dims)
        for coder in (model.encoder, model.decoder):
            norm = (nn.BatchNorm2d if spatial_dims == 2 else nn.BatchNorm3d)(8 if coder is model.encoder else 16)
            norm.running_mean.copy_(torch.linspace(-1, 1, norm.num_features))
            coder.blocks[0] = nn.Sequential(coder.blocks[0], norm, nn.Dropout(0.5))
        return model.train()
    noise = {"adn_ordering": "NDA"} if name == "VarFullyConnectedNet" else {"norm": "batch"}
    return make_monai(name, spatial_dims=spatial_dims, dropout=0.5, **noise).train()


@cache
def trained_monai(name: str) -> Trained:
    """A ``VarAutoEncoder`` or an ``AutoencoderKL`` trained on the digits in [0, 1], and these: not to be changed."""
    with set_apart():
        from benchmarks.models.zoo import monai
    return monai.MODELS[name]()
