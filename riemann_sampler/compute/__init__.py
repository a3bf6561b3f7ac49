"""How work is done: chunks of rows, seeds, progress bars, processes."""

from .chunking import Buffers, RowChunks, n_blocks, row_chunks
from .communicator import THIS_PROCESS, Communicator, launched
from .progress import progress_bar, silent
from .seeds import derive_seed, make_generator
from .warn import warn_user

__all__ = [
    "THIS_PROCESS",
    "Buffers",
    "Communicator",
    "RowChunks",
    "derive_seed",
    "launched",
    "make_generator",
    "n_blocks",
    "progress_bar",
    "row_chunks",
    "silent",
    "warn_user",
]
