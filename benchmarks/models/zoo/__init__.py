"""Small models of every supported library, trained here and now, each on data that come with a dependency.

A module a library, each with ``MODELS``: by name, a function that trains one; and, where there are such, ``REFUSED``:
by name, a function that makes a model without a Gaussian posterior that its decoder sees.
"""

from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor

from ...data.datasets import digits

__all__ = [
    "LIBRARIES",
    "Trained",
    "large_digits",
]

LIBRARIES = ("pythae", "diffusers", "monai", "scvi", "modules")


class Trained(NamedTuple):
    """A trained model and the data that it was trained on."""

    model: Any
    data: Any


def large_digits(n: int = 300, factor: int = 3) -> Float[Tensor, "n 1 height width"]:
    """Digits with every pixel enlarged to a square, lest a squared error be small beside the divergence."""
    images = digits(n_train=n).train
    return images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
