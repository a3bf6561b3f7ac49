"""The Metropolis accept/reject step that every kernel ends with."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["metropolis_accept"]


def metropolis_accept(log_ratio: Float[Tensor, " chains"], generator: torch.Generator) -> Bool[Tensor, " chains"]:
    """Accepted with probability min(1, e^log_ratio); NaN is rejected."""
    uniform = torch.rand(log_ratio.shape, dtype=log_ratio.dtype, device=log_ratio.device, generator=generator)
    return uniform.log() < log_ratio
