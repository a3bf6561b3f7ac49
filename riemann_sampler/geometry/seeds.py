"""The random generator that a public function's ``seed`` stands for."""

import secrets
from typing import Any

import torch

from ..drawing import derived_seed
from ..validation import natural

__all__ = ["seeded"]


def seeded(seed: Any, device: torch.device) -> torch.Generator:
    """A generator of its own for a seed of any size; for None, a fresh one."""
    entropy = secrets.randbits(64) if seed is None else natural("seed", seed, least=0)
    return torch.Generator(device).manual_seed(derived_seed(entropy))
