"""The Metropolis accept/reject step that every kernel ends with."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["acceptance_probability", "metropolis_accept"]


def metropolis_accept(log_ratio: Float[Tensor, " chains"], generator: torch.Generator) -> Bool[Tensor, " chains"]:
    """Accept each with probability min(1, e^log_ratio); NaN is rejected."""
    uniform = torch.rand(log_ratio.shape, dtype=log_ratio.dtype, device=log_ratio.device, generator=generator)
    return uniform.log() < log_ratio


def acceptance_probability(log_ratio: Float[Tensor, " chains"]) -> Float[Tensor, " chains"]:
    """The probability min(1, e^log_ratio) with which each is accepted; 0 for NaN."""
    return torch.nan_to_num(log_ratio.clamp(max=0).exp(), nan=0.0)
