"""Small autoencoders of diffusers for the tests, imported when the first is made: that takes long."""

from functools import cache
from typing import Any

import torch
from torch import nn

from benchmarks.harness.isolation import set_apart
from benchmarks.models.zoo import Trained

LATENT_SHAPE = (2, 4, 4)


def make_diffusers(*arguments: Any, **options: Any) -> Any:
    """An untrained autoencoder, as the benchmarks make them."""
    with set_apart():
        from benchmarks.models.zoo import diffusers
    return diffusers.make_diffusers(*arguments, **options)


def make_mode_dependent_diffusers(name: str = "AutoencoderKL") -> Any:
    """An autoencoder in training mode, where its dropout and batch normalization act differently."""
    model = make_diffusers(name)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.5
    for coder in (model.encoder, model.decoder):
        norm = nn.BatchNorm2d(coder.conv_in.out_channels)
        norm.running_mean.copy_(torch.linspace(-1, 1, norm.num_features))
        coder.conv_in = nn.Sequential(coder.conv_in, norm)
    return model.train()


@cache
def trained_diffusers() -> Trained:
    """An ``AutoencoderKL`` trained on the digits in [-1, 1], as diffusers has images, and these: not to be changed."""
    with set_apart():
        from benchmarks.models.zoo import diffusers
    return diffusers.MODELS["AutoencoderKL"]()
