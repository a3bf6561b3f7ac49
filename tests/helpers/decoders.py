"""Decoders with known Jacobians, and data whose posteriors are those that a decoder implies."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from riemann_sampler import GaussianPosterior
from tests.helpers.builders import normal

N, DIM, SIZE = 40, 3, 8
NOISE = 0.05


class Decoding:
    """A latent model of a user's own that decodes by a function; data are posteriors side by side."""

    latent_dim = DIM

    def __init__(self, decode: Callable[[Tensor], Tensor]) -> None:
        self._decode = decode
        self.decoded: list[int] = []

    def encode(self, x: Any) -> GaussianPosterior:
        return GaussianPosterior(*x.chunk(2, 1))

    def decode(self, z: Tensor) -> Tensor:
        self.decoded.append(len(z))
        return self._decode(z)


W, BIAS = normal(SIZE, DIM, seed=1), normal(SIZE, seed=2)
CODES = normal(N, DIM)


def linear(z: Tensor) -> Tensor:
    return z @ W.T + BIAS


def curved(z: Tensor) -> Tensor:
    """Images of shape (1, 2, 4)."""
    return (z @ W.T).sin().mul(1 + z.square().sum(1, keepdim=True)).reshape(-1, 1, 2, 4)


def own_jacobian(decode: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """By torch's slow way, a row at a time: (n, size, dim)."""
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda row: decode(row[None])[0].flatten(), row) for row in z]
    )


def implied(decode: Callable[[Tensor], Tensor], noise_variance: float) -> Tensor:
    """diag(JᵀJ)/noise_variance + 1 of whole Jacobians."""
    return own_jacobian(decode, CODES).square().sum(1) / noise_variance + 1


def exact_data(decode: Callable[[Tensor], Tensor] = curved, noise_variance: float = NOISE) -> Tensor:
    """Data whose posteriors are those that the decoder implies."""
    return torch.cat([CODES, -implied(decode, noise_variance).log()], 1)
