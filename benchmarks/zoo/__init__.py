"""Small models of every supported library, trained here and now, each on data that come with a dependency.

A module a library, each with ``MODELS``: by name, a function that trains one; and, where there are such, ``REFUSED``:
by name, a function that makes a model without a Gaussian posterior that its decoder sees.
"""

import logging
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..datasets import digits

__all__ = ["LIBRARIES", "Trained", "large_digits", "set_apart"]

LIBRARIES = ("pythae", "diffusers", "monai", "scvi", "modules")


class Trained(NamedTuple):
    """A trained model and the data that it was trained on."""

    model: Any
    data: Any


def large_digits(n: int = 300, factor: int = 3) -> Float[Tensor, "n 1 height width"]:
    """Digits with every pixel enlarged to a square, lest a squared error be small beside the divergence."""
    images = digits(n_train=n).train
    return images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)


@contextmanager
def set_apart(seed: int = 0) -> Iterator[None]:
    """Seeded and quiet inside: log lines, warnings and progress bars are dropped, the global random states put back."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            open(os.devnull, "w") as nowhere,  # noqa: PTH123
            redirect_stderr(nowhere),
            redirect_stdout(nowhere),
            warnings.catch_warnings(action="ignore"),
            torch.random.fork_rng(devices=[]),
        ):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
    finally:
        logging.disable(disabled)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
