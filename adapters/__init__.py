"""Adapters: one call shape, `LatentModel`, for the models of every library.

No adapter imports its library: a model that is at hand has done so already.
"""

from collections.abc import Callable
from typing import Any

from torch import nn

from ..errors import UnsupportedModelError
from ..protocols import LatentModel
from .checks import WAY_OUT
from .functions import FunctionAdapter
from .modules import ModuleAdapter, encodes_and_decodes
from .pythae import PythaeAdapter

__all__ = ["FunctionAdapter", "ModuleAdapter", "PythaeAdapter", "as_latent_model"]

_BY_LIBRARY: dict[str, Callable[[Any], LatentModel]] = {"pythae": PythaeAdapter}


def as_latent_model(model: Any) -> LatentModel:
    """The model as the sampler calls it, wrapped in the adapter that fits.

    An object that is a latent model already is returned as it is. Otherwise the library that the model's classes come
    from decides, and the look of its methods only if no known library does: libraries give ``encode`` different
    meanings.

    Args:
        model: A trained model.

    Returns:
        A latent model that leaves ``model`` as it is.

    Raises:
        UnsupportedModelError: The model is of no known kind, or of a kind without Gaussian posteriors.

    Example:
        >>> posterior = as_latent_model(vae).encode(images)
    """
    if isinstance(model, LatentModel) and not isinstance(model, (nn.Module, type)):
        return model
    for cls in type(model).__mro__:
        adapter = _BY_LIBRARY.get(cls.__module__.partition(".")[0])
        if adapter:
            return adapter(model)
    if encodes_and_decodes(model):
        return ModuleAdapter(model)
    kind = f"the class {model.__name__} (not an object of it)" if isinstance(model, type) else type(model).__qualname__
    msg = (
        f"No adapter for a model of type {kind}. Known are: models of {', '.join(_BY_LIBRARY)}; torch modules whose "
        "encode(x) returns (mean, log_variance) and whose decode(z) returns a tensor; objects with latent_dim, "
        f"encode(x) -> GaussianPosterior and decode(z). {WAY_OUT}"
    )
    raise UnsupportedModelError(msg)
