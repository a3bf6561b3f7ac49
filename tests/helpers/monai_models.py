"""Small autoencoders of MONAI for the tests."""

from functools import cache
from typing import Any

import torch
from torch import nn

from benchmarks.models.zoo import Trained
from benchmarks.models.zoo.monai import MODELS, make_monai


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
    return MODELS[name]()
