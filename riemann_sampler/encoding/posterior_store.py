"""Encoded posteriors as they come: in memory up to a budget, and beyond it in memory-mapped files."""

import io
import mmap
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import DataError, StorageError
from ..files import byte_chunks, write_bytes
from ..protocols import GaussianPosterior

__all__ = ["MEMORY_BUDGET", "PosteriorStore", "gather", "split_by_label"]

MEMORY_BUDGET = 2**30
"""Bytes of posteriors that are held in memory unless asked otherwise."""

GATHERED_ROWS = 2**15
"""Rows that are gathered at a time."""

BLOCK_BYTES = 2**27
"""Batches in memory are joined to blocks of this size: many small ones, made between others, would leave holes."""


class PosteriorStore:
    """Collects posteriors, batch after batch.

    While they fit the budget they stay in memory, where they are. Beyond it all rows go to two files of raw bytes,
    one for each tensor, in the folder for temporary files (the environment variable ``TMPDIR`` names another one). The
    files have no name there: however the process ends, nothing is left of them.

    Args:
        memory_budget: Bytes of posteriors held in memory.

    Attributes:
        device: Where the posteriors came from; None before the first.

    Example:
        >>> with PosteriorStore(memory_budget=2**30) as store:
        ...     for x in batches:
        ...         store.append(model.encode(x))
        ...     posterior = store.posterior()
    """

    device: torch.device | None

    def __init__(self, memory_budget: int = MEMORY_BUDGET) -> None:
        self._memory_budget = memory_budget
        self._held: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._files: list[io.FileIO] = []
        self._kind: list[tuple[torch.dtype, torch.Size]] = []
        self._n_rows = self._n_bytes = self._n_blocks = self._loose_bytes = 0
        self.device = None

    def __enter__(self) -> "PosteriorStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, posterior: GaussianPosterior) -> None:
        """Add rows.

        Args:
            posterior: Rows of the same dimension and type as those before.

        Raises:
            DataError: If they are of another dimension or type.
            StorageError: If they exceed the budget, and cannot be written to the folder for temporary files.
        """
        kind = [(part.dtype, part.shape[1:]) for part in posterior]
        self._kind = self._kind or kind
        if kind != self._kind:
            found, before = (", ".join(f"{str(t)[6:]} {tuple(shape)}" for t, shape in k) for k in (kind, self._kind))
            msg = f"posteriors must be of one type and dimension: rows of ({found}) follow rows of ({before})."
            raise DataError(msg)
        self.device = self.device or posterior.mean.device
        self._n_rows += len(posterior.mean)
        for held, part in zip(self._held, posterior, strict=True):
            is_view = part.untyped_storage().nbytes() > part.nbytes  # it would keep what it is a view of
            held.append(part.detach().clone() if is_view else part.detach())
            self._n_bytes += part.nbytes
            self._loose_bytes += part.nbytes
        if self._n_bytes > self._memory_budget:
            self._spill()
        elif self._loose_bytes > BLOCK_BYTES:
            self._join()

    def posterior(self) -> GaussianPosterior:
        """All rows, in the order in which they came; the store is empty afterwards.

        Returns:
            Tensors in memory on the device of the batches, or, beyond the budget, on the CPU and mapped from files
            that vanish with them.

        Raises:
            StorageError: If the files cannot be mapped.
        """
        if self._files:
            with self._explained():
                parts = [self._map(index) for index in range(len(self._files))]
        else:
            parts = []
            for held in self._held:
                parts.append(torch.cat(held))
                held.clear()  # or there would be two of everything
        self.close()
        return GaussianPosterior(*parts)

    def close(self) -> None:
        """Drop what is in the store."""
        for file in self._files:
            file.close()
        self._held, self._files, self._kind = ([], []), [], []
        self._n_rows = self._n_bytes = self._n_blocks = self._loose_bytes = 0

    def _join(self) -> None:
        """Make one block of the batches since the last."""
        for held in self._held:
            held[self._n_blocks :] = [torch.cat(held[self._n_blocks :])]
        self._n_blocks, self._loose_bytes = self._n_blocks + 1, 0

    def _spill(self) -> None:
        """Move the rows in memory to the files."""
        with self._explained():
            while len(self._files) < len(self._held):
                self._files.append(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115
            for file, held in zip(self._files, self._held, strict=True):
                for part in held:
                    for chunk in byte_chunks(part):
                        write_bytes(file, chunk)
                held.clear()

    def _map(self, index: int) -> Tensor:
        """One of the tensors, whose file has all its rows."""
        dtype, row_shape = self._kind[index]
        shape = (self._n_rows, *row_shape)
        # Shared with a file that nobody else can see: pages may be written, and count as the system's, not as ours.
        content = mmap.mmap(self._files[index].fileno(), 0, access=mmap.ACCESS_WRITE)
        return torch.frombuffer(content, dtype=dtype).view(shape)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.close()
            folder = tempfile.tempdir or "the folder for temporary files"
            msg = (
                f"posteriors beyond memory_budget={self._memory_budget} bytes go to temporary files, but writing in "
                f"{folder} failed: {error.strerror or error}. Make room there, name another folder in the environment "
                "variable TMPDIR, or allow a larger memory_budget."
            )
            raise StorageError(msg) from error


def gather(posterior: GaussianPosterior, rows: Int[Tensor, " n"], memory_budget: int) -> GaussianPosterior:
    """The posteriors of some rows, in memory or mapped as a `PosteriorStore` of this budget keeps them."""
    with PosteriorStore(memory_budget) as store:
        for few in rows.split(GATHERED_ROWS):
            store.append(GaussianPosterior(*(part[few] for part in posterior)))
        return store.posterior()


def split_by_label(
    posterior: GaussianPosterior, groups: Mapping[Hashable, Tensor | None], memory_budget: int
) -> Iterator[tuple[Hashable, GaussianPosterior]]:
    """Posteriors of each label, one label after the other."""
    for label, rows in groups.items():
        yield label, posterior if rows is None else gather(posterior, rows.to(posterior.mean.device), memory_budget)
