"""A trained model from what a command line can say of it."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import ArgumentError

__all__ = ["load_function", "load_model"]


def load_model(spec: str, device: torch.device, *, allow_pickle: bool = False) -> Any:
    """The model of a specification, moved to a device if it is a torch module.

    Args:
        spec: A folder that holds a trained pythae model, or ``module:function``, a Python function without arguments
            that returns a model; the current directory is searched for the module first.
        device: Where a torch module goes.
        allow_pickle: Whether the folder may hold pickled networks, which run code when they are loaded.

    Returns:
        The model.

    Raises:
        ArgumentError: If there is no such folder, module or function, or the function fails.
        StorageError: If the folder holds no whole pythae model, or pickles that are not allowed.

    Example:
        >>> model = load_model("my_project.models:trained_vae", torch.device("cpu"))
    """
    if Path(spec).is_dir():
        from .pythae_folder import load_pythae  # adapters stand beside the core, not below it

        model = load_pythae(spec, allow_pickle=allow_pickle)
    else:
        model = _call(spec, load_function(spec, option="--model", otherwise="a folder"))
    return model.to(device) if isinstance(model, nn.Module) else model


def load_function(spec: str, *, option: str, otherwise: str) -> Callable[[], Any]:
    """What ``module:function`` names; the current directory is searched for the module first.

    Args:
        spec: The specification.
        option: The option of a command line that took it, for messages.
        otherwise: What else it could have been, for messages.

    Returns:
        The function, or class.

    Raises:
        ArgumentError: If there is no such module or function, or the module fails.
    """
    module_name, _, name = spec.partition(":")
    if not all(map(str.isidentifier, (*module_name.split("."), name))):
        msg = f"{option} {spec!r} is neither {otherwise} nor of the form module:function."
        raise ArgumentError(msg)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            msg = f"{option} {spec!r}: there is no module {error.name!r}, neither in {here} nor among those installed."
        else:
            msg = f"{option} {spec!r}: importing {module_name} raised {type(error).__name__}: {error}."
        raise ArgumentError(msg) from error
    function = getattr(module, name, None)
    if not callable(function):
        found = f"is no function but of type {type(function).__name__}" if hasattr(module, name) else "is missing"
        msg = f"{option} {spec!r}: {name} {found} in the module {module_name}."
        raise ArgumentError(msg)
    return function  # type: ignore[no-any-return]


def _call(spec: str, function: Callable[[], Any]) -> Any:
    try:
        model = function()
    except Exception as error:
        msg = f"--model {spec!r}: the function, called without arguments, raised {type(error).__name__}: {error}."
        raise ArgumentError(msg) from error
    if model is None:
        msg = f"--model {spec!r}: the function returned None; it must return the trained model."
        raise ArgumentError(msg)
    return model
