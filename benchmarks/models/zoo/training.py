"""A short training of a variational autoencoder of any library that leaves it to its users."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ...harness.isolation import set_apart
from ...harness.training import minimize

__all__ = ["negative_elbo", "train"]

Encode: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Gives means and log-variances."""

Decode: TypeAlias = Callable[[Tensor], Tensor]


def negative_elbo(encode: Encode, decode: Decode, x: Tensor, beta: float) -> Float[Tensor, ""]:
    """Squared error and ``beta`` times the Kullback-Leibler divergence, for each data point of a batch."""
    mean, log_variance = encode(x)
    z = mean + (log_variance / 2).exp() * torch.randn_like(mean)
    error = (decode(z) - x).square().sum()
    divergence = (mean.square() + log_variance.exp() - log_variance - 1).sum() / 2
    return (error + beta * divergence) / len(x)


def train(
    module: nn.Module,
    encode: Encode,
    decode: Decode,
    images: Float[Tensor, "n channels height width"],
    *,
    n_epochs: int = 3,
    beta: float = 0.1,
) -> None:
    """Train in place, to evaluation mode; the global random state stays as it was.

    Args:
        module: What is trained.
        encode: Means and log-variances of a batch.
        decode: Data of latent codes.
        images: Training data.
        n_epochs: Passes over them.
        beta: Weight of the divergence beside the squared error.
    """
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-3)
    module.train()
    with set_apart():
        batches = (rows for _ in range(n_epochs) for rows in torch.randperm(len(images)).split(64))
        minimize(lambda rows: negative_elbo(encode, decode, images[rows], beta), optimizer, batches)
    module.eval()
