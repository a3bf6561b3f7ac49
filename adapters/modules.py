"""Any torch module that encodes and decodes, a Lightning module too."""

from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UnsupportedModelError
from .base import NetworkAdapter
from .checks import WAY_OUT
from .outputs import read_data, read_gaussian

__all__ = ["ModuleAdapter", "encodes_and_decodes"]


def encodes_and_decodes(model: object) -> bool:
    """Whether the model is a torch module with methods ``encode`` and ``decode``."""
    methods = (getattr(model, name, None) for name in ("encode", "decode"))
    return isinstance(model, nn.Module) and all(map(callable, methods))


class ModuleAdapter(NetworkAdapter):
    """A torch module whose ``encode(x)`` returns a diagonal Gaussian and whose ``decode(z)`` returns data.

    ``encode`` may return a pair (mean, log-variance), a mapping or a named tuple with entries such as ``mu`` and
    ``logvar`` (or ``var``, or ``std``), or a ``torch.distributions.Normal``, also inside ``Independent``; ``decode`` a
    tensor, a distribution (its mean is taken), or a mapping with an entry ``reconstruction``. If yours return
    something else, use `FunctionAdapter`.

    Args:
        module: The trained module. Inputs are moved to its device and dtype; nothing of it is changed.
        latent_shape: Shape of one latent code, or its dimension where codes are vectors. By default the module's
            integer attribute ``latent_dim``, else learnt from the first batch encoded.
        needs_covariance: Whether the posterior is to be read. Otherwise ``encode`` may also return the codes alone, a
            tensor, whose log-variance is then 0: for `PullbackAdapter`, which reads the codes alone.

    Raises:
        UnsupportedModelError: ``module`` is not a torch module with ``encode`` and ``decode``.

    Example:
        >>> posterior = ModuleAdapter(vae).encode(images)
    """

    def __init__(
        self, module: nn.Module, latent_shape: int | tuple[int, ...] | None = None, *, needs_covariance: bool = True
    ) -> None:
        if not encodes_and_decodes(module):
            msg = f"{type(module).__name__} is not a torch module with methods encode and decode. {WAY_OUT}"
            raise UnsupportedModelError(msg)
        found = getattr(module, "latent_dim", None)
        if latent_shape is None and isinstance(found, Integral) and not isinstance(found, bool):
            latent_shape = int(found)
        super().__init__(module, latent_shape)
        self._needs_covariance = needs_covariance

    def gaussian(self, x: Any) -> tuple[object, object]:
        """Mean and log-variance in what ``encode(x)`` returns."""
        output = self.module.encode(x)
        if isinstance(output, Tensor) and not self._needs_covariance:
            return output, torch.zeros_like(output)
        return read_gaussian(output)

    def data(self, z: Tensor) -> object:
        """Data in what ``decode(z)`` returns."""
        return read_data(self.module.decode(z))
