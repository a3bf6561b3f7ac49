"""Torch modules: how one is called without leaving a trace, and the adapter of any that encodes and decodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from numbers import Integral
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..errors import DataError, NotFittedError, UnsupportedModelError
from ..protocols import GaussianPosterior, LatentModel
from ..validation import natural
from .checks import WAY_OUT, checked_decoded, checked_pair

__all__ = ["ModuleAdapter", "encodes_and_decodes", "placed_like", "untouched"]


@contextmanager
def untouched(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients inside, and every submodule's own mode as it was after.

    The flags are set one by one: ``module.train`` may be overridden and do more, and ``module.eval`` forgets which
    submodules were frozen.
    """
    flags = [(submodule, submodule.training) for submodule in module.modules()]
    try:
        for submodule, _ in flags:
            submodule.training = False
        with torch.no_grad():
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
    tensors = chain(module.parameters(), module.buffers())
    like = next((tensor for tensor in tensors if tensor.is_floating_point()), None)
    if like is None or not isinstance(x, Tensor):
        return x
    return x.to(like.device, like.dtype) if x.is_floating_point() else x.to(like.device)


def encodes_and_decodes(model: object) -> bool:
    """Whether the model is a torch module with methods ``encode`` and ``decode``."""
    methods = (getattr(model, name, None) for name in ("encode", "decode"))
    return isinstance(model, nn.Module) and all(map(callable, methods))


class ModuleAdapter(LatentModel):
    """A torch module whose ``encode(x)`` returns ``(mean, log_variance)`` and whose ``decode(z)`` returns a tensor.

    The second output is read as the natural logarithm of the variances. If yours is a variance or a standard
    deviation, or if ``encode`` returns something else, use `FunctionAdapter`.

    Args:
        module: The trained module. Inputs are moved to its device and dtype; nothing of it is changed.
        latent_dim: Dimension of the latent space. By default the module's integer attribute of that name, else
            learnt from the first batch encoded.

    Raises:
        UnsupportedModelError: ``module`` is not a torch module with ``encode`` and ``decode``.

    Example:
        >>> posterior = ModuleAdapter(vae).encode(images)
    """

    def __init__(self, module: nn.Module, latent_dim: int | None = None) -> None:
        if not encodes_and_decodes(module):
            msg = f"{type(module).__name__} is not a torch module with methods encode and decode. {WAY_OUT}"
            raise UnsupportedModelError(msg)
        found = getattr(module, "latent_dim", None)
        if latent_dim is None and isinstance(found, Integral) and not isinstance(found, bool):
            latent_dim = int(found)
        self._module: Any = module
        self._latent_dim = None if latent_dim is None else natural("latent_dim", latent_dim)

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space.

        Raises:
            NotFittedError: It was not given, and nothing has been encoded yet.
        """
        if self._latent_dim is None:
            name = type(self._module).__name__
            msg = f"latent_dim of {name} is not known before the first encode: pass ModuleAdapter(..., latent_dim=...)."
            raise NotFittedError(msg)
        return self._latent_dim

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each data point of a batch; a `DataError` if the module returned anything else."""
        with untouched(self._module):
            output = self._module.encode(placed_like(x, self._module))
        posterior = GaussianPosterior(*checked_pair(output, x, self._latent_dim))
        self._latent_dim = posterior.mean.shape[1]
        return posterior

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Data decoded from latent positions; a `DataError` if the module returned anything else."""
        with untouched(self._module):
            output = self._module.decode(placed_like(z, self._module))
        return checked_decoded(output, z)
