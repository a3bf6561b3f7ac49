"""A folder with ``config.json`` and one safetensors file: nothing in it is ever executed.

The configuration names the tensor file, whose name is the hash of its content, and is replaced last, in one step:
whenever writing stops, the folder holds either the old sampler or the new one, whole.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from ..errors import StorageError
from .atomic import all_at_once
from .tensor_bytes import CHUNK_BYTES, byte_chunks, write_bytes

__all__ = ["SCHEMA_VERSION", "read_sampler_folder", "write_sampler_folder"]


ALIGNMENT = 8
"""Tensors begin at a multiple of this, the largest size of a number."""

DTYPE_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}

Layout = Mapping[str, tuple[torch.dtype, tuple[int, ...]]]
"""Type and shape of each tensor of a file, by name, in the order of the file."""

SCHEMA_VERSION = 1
CONFIG = "config.json"


def write_sampler_folder(folder: str | os.PathLike[str], config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write a configuration and its tensors; an older sampler in the folder stays whole until the new one is."""
    folder = Path(folder)
    json.dumps(config)  # what cannot be written is found before anything is
    with all_at_once(folder) as scratch:
        digest = _write_tensors(scratch / "tensors", tensors)
        name = f"tensors-{digest[:16]}.safetensors"
        (scratch / "tensors").rename(scratch / name)
    document = {"schema_version": SCHEMA_VERSION, "tensors": name, "sha256": digest, **config}
    with all_at_once(folder) as scratch, (scratch / CONFIG).open("wb", buffering=0) as file:
        write_bytes(file, json.dumps(document, indent=2).encode())
        os.fsync(file.fileno())
    for stale in folder.glob("tensors-*.safetensors"):
        if stale.name != name:
            stale.unlink()


def _header(layout: Layout) -> bytes:
    """What stands before the tensors of a safetensors file."""
    entries, start = {}, 0
    for name, (dtype, shape) in layout.items():
        end = start + math.prod(shape) * dtype.itemsize
        entries[name] = {"dtype": DTYPE_NAMES[dtype], "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    padded = math.ceil(len(text) / ALIGNMENT) * ALIGNMENT
    return padded.to_bytes(8, "little") + text.ljust(padded)


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> str:
    """Write a safetensors file, a chunk at a time, and return the SHA-256 of its content."""
    in_order = sorted(tensors.items(), key=lambda item: (-item[1].itemsize, item[0]))  # so each begins aligned
    head = _header({name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in in_order})
    digest = hashlib.sha256()
    content: Iterator[bytes | memoryview] = chain([head], *(byte_chunks(tensor) for _, tensor in in_order))
    with path.open("wb", buffering=0) as file:
        for chunk in content:
            digest.update(chunk)
            write_bytes(file, chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()


def read_sampler_folder(folder: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and tensors of a folder that `write_sampler_folder` wrote; a `StorageError` if it is not whole.

    The tensors are mapped from the file: they take memory as they are read, and changing them leaves the file as it is.
    """
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
        path = folder / Path(str(config["tensors"])).name
        intact = _sha256(path) == config["sha256"]
    except (KeyError, OSError) as error:
        msg = f"{folder} is incomplete: {error}. Save the sampler again."
        raise StorageError(msg) from error
    if not intact:
        msg = f"{folder / config['tensors']} is truncated or changed: its checksum differs. Save the sampler again."
        raise StorageError(msg)
    with safe_open(path, framework="pt") as file:
        return config, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
