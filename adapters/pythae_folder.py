"""Folders that models of pythae save themselves to, opened without executing anything in them.

pythae's own loader unpickles the nets of a model that was not built with the default ones, and a pickle can run any
code. Here such nets come from the caller, and the weights are read as tensors alone.
"""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import StorageError

__all__ = ["load_pythae"]

_CONFIG = "model_config.json"
_WEIGHTS = "model.pt"
_NETS = ("encoder", "decoder", "metric", "discriminator")


def load_pythae(
    folder: str | os.PathLike[str],
    encoder: nn.Module | None = None,
    decoder: nn.Module | None = None,
    allow_pickle: bool = False,
) -> Any:
    """The model that pythae saved in a folder, on the CPU and in evaluation mode.

    Args:
        folder: What the model's ``save`` wrote, or the ``final_model`` of a training pipeline.
        encoder: Encoder of a model that was built with one of its own: a net of the same architecture, which becomes
            part of the model and takes the saved weights. None makes pythae's default one.
        decoder: Likewise its decoder.
        allow_pickle: Whether nets that are not passed may be unpickled. That executes code from the folder: allow it
            only for folders you trust, written by the same minor version of Python. The weights are read as tensors
            alone even then.

    Returns:
        The model, of the class of pythae that its configuration names.

    Raises:
        StorageError: The folder holds no whole model of pythae, its weights do not fit the nets, or it cannot be
            opened without executing code from it.

    Example:
        >>> model = load_pythae("my_vae/final_model", encoder=MyEncoder(), decoder=MyDecoder())
    """
    folder = Path(folder)
    config, model_class = _read_config(folder)
    given = {name: net for name, net in (("encoder", encoder), ("decoder", decoder)) if net is not None}
    pickled = [name for name in _NETS if not getattr(config, f"uses_default_{name}", True) and name not in given]
    if pickled and not allow_pickle:
        raise StorageError(_refusal(folder, pickled))
    content = _read_weights(folder)
    nets = given | {name: _unpickle(folder / f"{name}.pkl") for name in pickled}
    model = _built(folder, model_class, config, nets)
    try:
        model.load_state_dict(content["model_state_dict"])
    except (AttributeError, RuntimeError, TypeError) as error:
        msg = f"{folder / _WEIGHTS} does not fit the model; pass the encoder and decoder it was saved with. {error}"
        raise StorageError(msg) from error
    if config.name == "RHVAEConfig":
        _restore_metric(folder, model, content)
    return model.cpu().eval()


def _read_config(folder: Path) -> tuple[Any, Any]:
    """The configuration in a folder, and the class of the models that it is for."""
    path = folder / _CONFIG
    if not path.is_file():
        msg = (
            f"{folder} holds no model of pythae: there is no {_CONFIG}. Pass the folder that the model's save wrote; "
            "a training pipeline names it final_model."
        )
        raise StorageError(msg)
    try:
        from pythae import models
        from pythae.models.auto_model import AutoConfig
    except ImportError as error:
        msg = f'{folder} cannot be opened without pythae: pip install "riemann-sampler[pythae]".'
        raise StorageError(msg) from error
    try:
        config = AutoConfig.from_json_file(path)
    except NameError as error:
        raise StorageError(_unknown_model(path, error)) from error
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        msg = f"{path} is damaged, or not the configuration of a model of pythae: {error!r}. Save the model again."
        raise StorageError(msg) from error
    # VAEConfig is for VAE, VAE_IAF_Config for VAE_IAF.
    model_class = getattr(models, config.name.removesuffix("Config").removesuffix("_"), models.BaseAE)
    if model_class is models.BaseAE:
        raise StorageError(_unknown_model(path, config.name))
    return config, model_class


def _unknown_model(path: Path, reason: object) -> str:
    return (
        f"{path} is not for one of pythae's own autoencoders: {reason}. Build the model yourself, and give its "
        f'load_state_dict torch.load("{path.with_name(_WEIGHTS)}", weights_only=True)["model_state_dict"].'
    )


def _refusal(folder: Path, pickled: list[str]) -> str:
    """Why a folder is not opened whose model needs these nets, and the ways out."""
    files = " and ".join(f"{name}.pkl" for name in pickled)
    passed = ", ".join(f"{name}=..." for name in pickled)
    by_hand = "" if {"metric", "discriminator"} & set(pickled) else f"Pass {passed} with nets built as they were, or "
    return (
        f"{folder} keeps nets of its own in {files}, and loading them would execute code from the folder. "
        f"{by_hand or 'Pass '}allow_pickle=True, only if you trust the folder."
    )


def _read_weights(folder: Path) -> dict[str, Any]:
    """What the file of weights holds, read as tensors alone."""
    path = folder / _WEIGHTS
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        msg = f"{folder} holds no whole model of pythae: there is no {_WEIGHTS}."
        raise StorageError(msg) from error
    except pickle.UnpicklingError as error:
        msg = f"{path} holds more than tensors, or is damaged; nothing of it was executed. Save the model again."
        raise StorageError(msg) from error
    except Exception as error:  # a damaged file makes torch raise errors of many kinds
        msg = f"{path} is damaged: {error!r}. Save the model again."
        raise StorageError(msg) from error
    if not isinstance(content, Mapping) or "model_state_dict" not in content:
        found = sorted(map(str, content)) if isinstance(content, Mapping) else type(content).__name__
        msg = f"{path} has no entry 'model_state_dict', it holds {found}. Save the model by its own save."
        raise StorageError(msg)
    return dict(content)


def _unpickle(path: Path) -> Any:
    """The net in a file. This executes code from it."""
    from pythae.models.base.base_utils import CPU_Unpickler

    try:
        with path.open("rb") as file:
            net = CPU_Unpickler(file).load()
    except Exception as error:  # the file decides what is raised
        msg = f"{path} cannot be unpickled: {error!r}. Pass the net instead, or save the model again."
        raise StorageError(msg) from error
    if not isinstance(net, nn.Module):
        msg = f"{path} holds an object of type {type(net).__name__}, not a net. Save the model again."
        raise StorageError(msg)
    return net


def _built(folder: Path, model_class: Any, config: Any, nets: dict[str, Any]) -> Any:
    """A model with new weights; the global random state, which pythae draws these from, is put back."""
    try:
        with torch.random.fork_rng(devices=[]):
            return model_class(config, **nets)
    except Exception as error:  # the configuration, and the nets, decide what is raised
        msg = f"The {model_class.__name__} in {folder} cannot be built: {error}"
        raise StorageError(msg) from error


def _restore_metric(folder: Path, model: Any, content: dict[str, Any]) -> None:
    """The metric that an RHVAE learnt, which is kept beside its weights."""
    from pythae.models.rhvae.rhvae_utils import create_inverse_metric, create_metric

    matrices, centroids = content.get("M"), content.get("centroids")
    dim = model.latent_dim
    if not (isinstance(matrices, Tensor) and isinstance(centroids, Tensor)) or (
        (*centroids.shape, dim) != matrices.shape or centroids.shape[1:] != (dim,)
    ):
        msg = (
            f"{folder / _WEIGHTS} must hold the metric of an RHVAE, M of shape (k, {dim}, {dim}) and centroids of "
            f"shape (k, {dim}), beside its weights. Save the model by its own save."
        )
        raise StorageError(msg)
    model.M_tens, model.centroids_tens = matrices, centroids
    model.G, model.G_inv = create_metric(model), create_inverse_metric(model)
