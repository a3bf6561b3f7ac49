"""The random generator that a public function's ``seed`` stands for."""

import secrets
from typing import Any

import numpy as np
import torch

from ..validation import natural

__all__ = ["derive_seed", "make_generator"]


def make_generator(seed: Any, device: torch.device) -> torch.Generator:
    """A generator of its own for a seed of any size; for None, a fresh one."""
    entropy = secrets.randbits(64) if seed is None else natural("seed", seed, least=0)
    return torch.Generator(device).manual_seed(derive_seed(entropy))


def derive_seed(*words: int) -> int:
    """A seed of 63 bits that any generator takes, from whole numbers of any size."""
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0]) >> 1
