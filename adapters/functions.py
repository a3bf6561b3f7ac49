"""The way out for every model that has no adapter: two functions."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import ArgumentTypeError, DataError
from ..protocols import GaussianPosterior, LatentModel
from ..validation import choice, natural
from .checks import check_decoded, check_pair, describe, explained
from .outputs import SPREADS, Spread, log_variance

__all__ = ["FunctionAdapter"]


class FunctionAdapter(LatentModel):
    """Two functions as a latent model.

    They are called without gradients and get their inputs as they come: moving a batch to the model's device, and
    keeping the model in evaluation mode, is theirs to do.

    Args:
        encode: Function of a batch that returns ``(mean, spread)``, both of shape (batch, dim).
        decode: Function of latent positions, (n, dim), that returns a tensor of first axis n.
        latent_dim: Dimension of the latent space, at least 1.
        spread: What the second output of ``encode`` is: ``"log_variance"``, ``"variance"`` or ``"std"``.

    Example:
        >>> model = FunctionAdapter(encode=net.posterior, decode=net.generate, latent_dim=8, spread="std")
    """

    def __init__(
        self,
        *,
        encode: Callable[[Any], Any],
        decode: Callable[[Tensor], Any],
        latent_dim: int,
        spread: Spread = "log_variance",
    ) -> None:
        self._encode = _function("encode", encode)
        self._decode = _function("decode", decode)
        self._latent_dim = natural("latent_dim", latent_dim)
        self._spread = choice("spread", spread, SPREADS)

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space."""
        return self._latent_dim

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each data point of a batch; a `DataError` if ``encode`` returned anything else."""
        with torch.no_grad(), explained("encode", x):
            output = self._encode(x)
        if isinstance(output, GaussianPosterior) and self._spread != "log_variance":
            msg = f"encode returned a GaussianPosterior, which holds log-variances, but spread is {self._spread!r}."
            raise DataError(msg)
        if not isinstance(output, tuple | list) or len(output) != 2:
            msg = f"encode returned {describe(output)}, not a pair of tensors (mean, {self._spread})."
            raise DataError(msg)
        mean, spread = check_pair((output[0], output[1]), x, spread=self._spread, way_out="")
        if mean.shape[1:] != (self._latent_dim,):
            msg = (
                f"encode returned codes of shape {tuple(mean.shape[1:])}, but latent_dim is {self._latent_dim}: "
                "correct one of them."
            )
            raise DataError(msg)
        return GaussianPosterior(mean, log_variance(spread, self._spread))

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Data decoded from latent positions; a `DataError` if ``decode`` returned anything else."""
        with torch.no_grad():
            return self.decode_with_gradients(z).detach()

    def decode_with_gradients(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """The same, for who differentiates it: gradients are recorded if they are where it is called."""
        with explained("decode", z):
            output = self._decode(z)
        return check_decoded(output, z, way_out="")


def _function(name: str, value: Any) -> Callable[[Any], Any]:
    if not callable(value):
        msg = f"{name} must be a function, got {value!r} of type {type(value).__name__}."
        raise ArgumentTypeError(msg)
    return value  # type: ignore[no-any-return]
