"""The bytes of tensors, a chunk at a time, and how they are written whole."""

import io
import math
from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["CHUNK_BYTES", "byte_chunks", "write_bytes"]

CHUNK_BYTES = 2**24
"""Bytes copied at a time."""


def byte_chunks(tensor: Tensor) -> Iterator[memoryview]:
    """The bytes of a tensor of any layout on any device, a few rows at a time."""
    rows = tensor.detach().reshape(1) if tensor.ndim == 0 else tensor.detach()
    row_bytes = math.prod(rows.shape[1:]) * rows.itemsize
    if row_bytes == 0 or len(rows) == 0:
        return
    for chunk in rows.split(max(1, CHUNK_BYTES // row_bytes)):
        yield memoryview(chunk.cpu().clone(memory_format=torch.contiguous_format).view(-1).view(torch.uint8).numpy())


def write_bytes(file: io.FileIO, content: bytes | memoryview) -> None:
    """Write all of the content to a file without a buffer, which may take a part of it at a time."""
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]
