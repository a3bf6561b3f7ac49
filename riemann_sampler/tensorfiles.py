"""The safetensors format, written piece by piece: no more than a piece of a tensor is ever copied.

A file is the length of its header (8 bytes, little-endian), the header (JSON, padded with spaces) and the bytes of the
tensors one after another (https://github.com/huggingface/safetensors).
"""

import io
import json
import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

__all__ = ["PIECE_BYTES", "Layout", "header", "pieces", "write_bytes"]

PIECE_BYTES = 2**24
"""Bytes copied at a time."""

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


def header(layout: Layout, *, length: int = 0) -> bytes:
    """What stands before the tensors, padded to at least ``length`` bytes."""
    entries, start = {}, 0
    for name, (dtype, shape) in layout.items():
        end = start + math.prod(shape) * dtype.itemsize
        entries[name] = {"dtype": DTYPE_NAMES[dtype], "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries, separators=(",", ":")).encode()
    padded = max(length - 8, math.ceil(len(text) / ALIGNMENT) * ALIGNMENT)
    return padded.to_bytes(8, "little") + text.ljust(padded)


def pieces(tensor: Tensor) -> Iterator[memoryview]:
    """The bytes of a tensor of any layout on any device, a few rows at a time."""
    rows = tensor.detach().reshape(1) if tensor.ndim == 0 else tensor.detach()
    row_bytes = math.prod(rows.shape[1:]) * rows.itemsize
    if row_bytes == 0 or len(rows) == 0:
        return
    for part in rows.split(max(1, PIECE_BYTES // row_bytes)):
        yield memoryview(part.cpu().clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8).numpy())


def write_bytes(file: io.FileIO, content: bytes | memoryview) -> None:
    """Write all of the content to a file without a buffer, which may take a part of it at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
