"""A folder with ``config.json`` and one safetensors file: nothing in it is ever executed.

The configuration names the tensor file, whose name is the hash of its content, and is replaced last, in one step:
whenever writing stops, the folder holds either the old sampler or the new one, whole.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from .atomic import all_at_once
from .errors import StorageError

__all__ = ["SCHEMA_VERSION", "read", "write"]

SCHEMA_VERSION = 1
CONFIG = "config.json"


def write(folder: str | os.PathLike[str], config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write a configuration and its tensors; an older sampler in the folder stays whole until the new one is."""
    folder = Path(folder)
    content = tensors_to_bytes({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})
    digest = hashlib.sha256(content).hexdigest()
    name = f"tensors-{digest[:16]}.safetensors"
    document = {"schema_version": SCHEMA_VERSION, "tensors": name, "sha256": digest, **config}
    text = json.dumps(document, indent=2)
    _replace(folder / name, content)
    _replace(folder / CONFIG, text.encode())
    for stale in folder.glob("tensors-*.safetensors"):
        if stale.name != name:
            stale.unlink()


def _replace(path: Path, content: bytes) -> None:
    with all_at_once(path.parent) as scratch, (scratch / path.name).open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read(folder: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration and tensors that `write` put into a folder; a `StorageError` if they are not there whole."""
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text())
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"{folder} holds no saved sampler: there is no {CONFIG}."
        raise StorageError(msg) from error
    except ValueError as error:
        msg = f"{folder / CONFIG} is damaged: {error}. Save the sampler again."
        raise StorageError(msg) from error
    version = config.get("schema_version") if isinstance(config, dict) else None
    if version != SCHEMA_VERSION:
        msg = f"{folder} has schema version {version!r}, this release reads {SCHEMA_VERSION}. Fit and save again."
        raise StorageError(msg)
    try:
        content = (folder / Path(str(config["tensors"])).name).read_bytes()
        intact = hashlib.sha256(content).hexdigest() == config["sha256"]
    except (KeyError, OSError) as error:
        msg = f"{folder} is incomplete: {error}. Save the sampler again."
        raise StorageError(msg) from error
    if not intact:
        msg = f"{folder / config['tensors']} is truncated or changed: its checksum differs. Save the sampler again."
        raise StorageError(msg)
    return config, tensors_from_bytes(content)
