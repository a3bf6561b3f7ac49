"""What the adapters of torch modules share: the module is called without leaving a trace, its outputs are checked."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from math import prod
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import ArgumentTypeError, DataError, NotFittedError
from ..protocols import GaussianPosterior, LatentModel
from ..validation import natural
from .checks import check_decoded, check_pair, explained

__all__ = ["NetworkAdapter", "placed_like", "untouched"]


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Evaluation mode inside; every submodule's own mode and the random state as they were after.

    The flags are set one by one: ``module.train`` may be overridden and do more, and ``module.eval`` forgets which
    submodules were frozen.
    """
    flags = [(submodule, submodule.training) for submodule in module.modules()]
    like = _floating(module)
    devices = [like.device] if like is not None and like.is_cuda else []
    try:
        for submodule, _ in flags:
            submodule.training = False
        with torch.random.fork_rng(devices):  # some encoders draw a latent on their way
            yield
    finally:
        for submodule, training in flags:
            submodule.training = training


def placed_like(x: Any, module: nn.Module) -> Any:
    """A batch on the module's device and, if floating-point, in its dtype; arrays become tensors.

    The first floating-point parameter or buffer decides. What is neither tensor nor array is returned as it is.
    """
    if isinstance(x, np.ndarray):
        try:
            x = torch.tensor(np.ascontiguousarray(x))  # a copy: the array may be read-only
        except (TypeError, ValueError) as error:
            msg = f"An array of dtype {x.dtype} cannot be made a tensor: convert it to numbers first, such as float32."
            raise DataError(msg) from error
    like = _floating(module)
    if like is None or not isinstance(x, Tensor):
        return x
    return x.to(like.device, like.dtype) if x.is_floating_point() else x.to(like.device)


def _floating(module: nn.Module) -> Tensor | None:
    """The first floating-point parameter or buffer."""
    tensors = chain(module.parameters(), module.buffers())
    return next((tensor for tensor in tensors if tensor.is_floating_point()), None)


class NetworkAdapter(LatentModel):
    """Base of the adapters of torch modules: subclasses say how theirs is called, in two methods.

    Latent codes of any shape are flattened, and positions get that shape back before they are decoded.

    Args:
        module: The trained module. Inputs are moved to its device and dtype; nothing of it is changed.
        latent_shape: Shape of one latent code, such as (4, 8, 8), or its dimension where codes are vectors; None
            learns it from the first batch encoded.
    """

    def __init__(self, module: nn.Module, latent_shape: int | tuple[int, ...] | None = None) -> None:
        self.module: Any = module
        self.input_hint = ""  # the end of a message about a batch that could not be encoded
        self._name = type(module).__name__
        self.latent_shape = None if latent_shape is None else _check_shape(latent_shape)

    @abstractmethod
    def gaussian(self, x: Any) -> tuple[object, object]:
        """Mean and log-variance of a batch that is placed like the module."""

    @abstractmethod
    def data(self, z: Tensor) -> object:
        """Data decoded from positions of the latent shape."""

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space, the number of entries of a latent code.

        Raises:
            NotFittedError: It was not given, and nothing has been encoded yet.
        """
        if self.latent_shape is None:
            msg = (
                f"latent_dim of {self._name} is not known before the first encode: pass "
                f"{type(self).__name__}(..., latent_shape=...)."
            )
            raise NotFittedError(msg)
        return prod(self.latent_shape)

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each data point of a batch; a `DataError` if the module fails or returns anything else."""
        with torch.no_grad(), untouched(self.module), explained(f"encode of {self._name}", x, self.input_hint):
            pair = self.gaussian(placed_like(x, self.module))
        mean, log_variance = check_pair(pair, x)
        shape, known = tuple(mean.shape[1:]), self.latent_shape
        if known not in (None, shape, (prod(shape),)):
            msg = (
                f"encode returned codes of shape {shape}, but those of {self._name} have the shape {known}: pass "
                f"{type(self).__name__}(..., latent_shape={shape}) if the first is right."
            )
            raise DataError(msg)
        self.latent_shape = shape
        return GaussianPosterior(mean.flatten(1), log_variance.flatten(1))

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Data decoded from latent positions; a `DataError` if the module fails or returns anything else."""
        with torch.no_grad():
            return self.decode_with_gradients(z).detach()

    def decode_with_gradients(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Like `decode`, but records gradients when grad mode is on."""
        hint = "If its codes are not vectors, pass latent_shape, or encode a batch first." * (not self.latent_shape)
        with untouched(self.module), explained(f"decode of {self._name}", z, hint):
            codes = z if len(z) else z.new_zeros(1, z.shape[1])  # attention fails on an empty batch
            codes = codes.reshape(len(codes), *(self.latent_shape or z.shape[1:]))
            output = self.data(placed_like(codes, self.module))
        return check_decoded(output, codes)[: len(z)]


def _check_shape(shape: object) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    if not sizes:
        msg = "latent_shape must have at least one axis, got ()."
        raise ArgumentTypeError(msg)
    return tuple(natural("latent_shape", size) for size in sizes)
