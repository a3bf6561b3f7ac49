"""Adapters: one call shape, `LatentModel`, for the models of every library.

No adapter imports its library: a model that is at hand has done so already.
"""

from .base import NetworkAdapter
from .diffusers import DiffusersAdapter
from .functions import FunctionAdapter
from .jacobians import jacobian_columns, squared_column_norms
from .model_spec import load_function, load_model
from .modules import ModuleAdapter
from .monai import MonaiAdapter
from .pullback import PullbackAdapter
from .pythae import PythaeAdapter
from .pythae_folder import load_pythae
from .registry import AdapterRegistry, as_latent_model
from .scvi import ScviAdapter

__all__ = [
    "AdapterRegistry",
    "DiffusersAdapter",
    "FunctionAdapter",
    "ModuleAdapter",
    "MonaiAdapter",
    "NetworkAdapter",
    "PullbackAdapter",
    "PythaeAdapter",
    "ScviAdapter",
    "as_latent_model",
    "jacobian_columns",
    "load_function",
    "load_model",
    "load_pythae",
    "squared_column_norms",
]
