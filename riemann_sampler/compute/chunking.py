"""Work on many rows, so few at a time that its temporaries stay small."""

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from ..errors import MemoryWarning
from .warn import warn_user

__all__ = ["Buffers", "RowChunks", "n_blocks", "row_chunks"]

BLOCK_ELEMENTS = 2**16
"""Numbers in a temporary block, (positions, centroids), on a CPU: in float64 half a MiB, a part of what it caches."""

ACCELERATOR_BLOCK_ELEMENTS = 2**25
"""The same elsewhere: 256 MiB in float64, enough to fill a GPU."""

LEAST_ROWS = 128
"""Rows in a block at the least: matrix products of fewer columns are slow."""


def row_chunks(z: Tensor, row_elements: int) -> Iterator[Tensor]:
    """Consecutive rows of ``z``, so few at a time that a block of ``row_elements`` for each stays bounded."""
    yield from z.split(_n_rows(z, row_elements)) if len(z) else (z,)


def n_blocks(elements: int, device: torch.device) -> int:
    """How many blocks so many numbers are to be cut into; none is larger than twice the usual."""
    return math.ceil(elements / (2 * _block_elements(device)))


def _block_elements(device: torch.device) -> int:
    return BLOCK_ELEMENTS if device.type == "cpu" else ACCELERATOR_BLOCK_ELEMENTS


def _n_rows(z: Tensor, row_elements: int) -> int:
    return max(LEAST_ROWS, _block_elements(z.device) // row_elements)


class Buffers:
    """Memory for temporaries that is used again, where new memory would have to come from the system at each call.

    What holds buffers must not be used by two threads at a time.
    """

    def __init__(self) -> None:
        self._memory: dict[str, Tensor] = {}

    def __call__(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A contiguous tensor of the device and type of another one; its content is whatever was there."""
        size = math.prod(shape)
        if name not in self._memory or self._memory[name].numel() < size:
            self._memory[name] = like.new_empty(size)
        return self._memory[name][:size].view(shape)


class RowChunks:
    """Maps functions over chunks of rows; the chunks halve when memory runs out, and stay so.

    Args:
        row_elements: Numbers that a function's largest temporary holds for each row.
    """

    def __init__(self, row_elements: int) -> None:
        self._row_elements = row_elements
        self._halvings = 0

    def map(self, function: Callable[..., Sequence[Tensor]], z: Tensor, *also: Tensor) -> list[Tensor]:
        """The tensors that ``function`` gives for consecutive chunks of the rows of its arguments, concatenated."""
        parts: list[Sequence[Tensor]] = []
        first = 0
        while first < len(z) or not parts:
            most = max(1, _n_rows(z, self._row_elements) >> self._halvings)
            n_rows = math.ceil(len(z) / max(1, math.ceil(len(z) / most)))  # chunks of (nearly) equal size
            try:
                parts.append(function(*(rows[first : first + n_rows] for rows in (z, *also))))
            except (RuntimeError, MemoryError) as error:
                if n_rows <= 1 or not _is_out_of_memory(error):
                    raise
                self._halvings += 1
                msg = (
                    f"memory ran out on {min(n_rows, len(z) - first)} positions at a time; going on with half as many."
                )
                warn_user(msg, MemoryWarning)
                continue
            first += n_rows
        return [torch.cat(columns) if len(parts) > 1 else columns[0] for columns in zip(*parts, strict=True)]


def _is_out_of_memory(error: Exception) -> bool:
    """Whether an allocation failed; of one on the CPU torch says so in the message alone."""
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "allocate memory" in str(error)
