"""Data from files and samples into files; nothing that is read is ever executed."""

import gzip
import math
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from ..errors import DataError
from .atomic import all_at_once
from .images import read_images

__all__ = ["DataFile", "describe", "read_array", "read_data", "read_labels", "write_array"]

NPZ_ENTRY = "data"
GZIP_MAGIC = b"\x1f\x8b"
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Types by the third byte of an IDX file (Y. LeCun, "The MNIST database"); numbers are big-endian."""


class DataFile(NamedTuple):
    """What a file, or a folder of images, holds.

    Attributes:
        stored: The numbers as they are in the file.
        values: The numbers as a model gets them: 8-bit ones divided by 255 as float32, and IDX images
            (n, height, width) with an axis for their one channel; others are as stored.
    """

    stored: Shaped[np.ndarray, "..."]
    values: Shaped[np.ndarray, "..."]


def read_data(path: Path) -> DataFile:
    """Training data from a .npy, .npz or IDX file, or a folder of images; a `DataError` if there are none in it."""
    if path.is_dir():
        stored: np.ndarray = read_images(path)
    else:
        stored = read_array(path)
        if stored.dtype.kind not in "fiub" or stored.dtype.itemsize > 8:
            msg = f"{path} holds values of dtype {stored.dtype}; data must be real numbers of at most 64 bits."
            raise DataError(msg)
    values = stored
    if _reader(path) is _read_idx and values.ndim == 3:
        values = values[:, None]
    if values.dtype == np.uint8:
        values = np.divide(values, 255, dtype=np.float32)
    return DataFile(stored, values)


def read_labels(path: Path) -> Shaped[np.ndarray, " n"]:
    """Labels, numbers or strings, from a .npy, .npz or IDX file; a `DataError` if there are none in it."""
    labels = read_array(path)
    if labels.ndim != 1 or labels.dtype.kind not in "fiubU":
        msg = f"{path} holds {labels.dtype} of shape {labels.shape}; labels must be numbers or strings of shape (n,)."
        raise DataError(msg)
    return labels


def read_array(path: Path) -> Shaped[np.ndarray, "..."]:
    """The array of a .npy file, mapped rather than read, of a .npz file or of an IDX file, plain or gzipped."""
    array = _reader(path)(path)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def describe(array: Shaped[np.ndarray, "..."]) -> str:
    """Shape, type and range of an array in words."""
    span = f"from {float(array.min()):.4g} to {float(array.max()):.4g}" if array.size else "empty"
    return f"shape {array.shape}, {array.dtype}, {span}"


def write_array(path: Path, array: Shaped[np.ndarray, "..."]) -> None:
    """Write a .npy file, whole or not at all; its folder is made if missing."""
    with all_at_once(path.parent) as scratch:
        np.save(scratch / path.name, array, allow_pickle=False)


def _reader(path: Path) -> Callable[[Path], Shaped[np.ndarray, "..."]]:
    return {".npy": _read_npy, ".npz": _read_npz}.get(path.suffix.lower(), _read_idx)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Make a `DataError` of whatever the readers raise on a file that is damaged or of another format."""
    try:
        yield
    except Exception as error:  # a damaged file makes them raise errors of many kinds
        if isinstance(error, DataError) or getattr(error, "filename", None):  # not there, or not to be read
            raise
        reason = str(error).rstrip(".")
        msg = f"{path} is damaged, of another format, or holds pickled objects, which are never loaded: {reason}."
        raise DataError(msg) from error


def _read_npy(path: Path) -> Shaped[np.ndarray, "..."]:
    with _explained(path):
        # Copy on write: torch takes the mapped file as it is, where it would copy one that is read-only.
        return np.lib.format.open_memmap(path, mode="c")


def _read_npz(path: Path) -> Shaped[np.ndarray, "..."]:
    # numpy leaves damaged files open that it opened itself.
    with _explained(path), path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        names = archive.files
        if len(names) != 1 and NPZ_ENTRY not in names:
            msg = f"{path} must hold one array, or one named {NPZ_ENTRY!r}; it holds {', '.join(names) or 'none'}."
            raise DataError(msg)
        array: np.ndarray = archive[names[0] if len(names) == 1 else NPZ_ENTRY]
        return array


def _read_idx(path: Path) -> Shaped[np.ndarray, "..."]:
    """Two zero bytes, the type, the number of axes, their lengths as big-endian 32-bit integers, the numbers."""
    content = path.read_bytes()
    if content.startswith(GZIP_MAGIC):
        with _explained(path):
            content = gzip.decompress(content)
    zeros, (kind, ndim) = content[:2], content[2:4].ljust(2, b"\0")
    start = 4 + 4 * ndim
    if zeros != b"\0\0" or kind not in IDX_TYPES or len(content) < start:
        msg = f"{path} is not a .npy, .npz or IDX file: it begins with the bytes {content[:4].hex(' ') or 'none'}."
        raise DataError(msg)
    shape = struct.unpack(f">{ndim}I", content[4:start])
    dtype = np.dtype(IDX_TYPES[kind])
    size = start + math.prod(shape) * dtype.itemsize
    if len(content) != size:
        msg = f"{path} has {len(content):,} bytes, but its header, shape {shape} of {dtype.name}, makes them {size:,}."
        raise DataError(msg)
    return np.frombuffer(content, dtype, offset=start).reshape(shape)
