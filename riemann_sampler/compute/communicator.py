"""The processes that share a piece of work: this one alone, or those of a ``torch.distributed`` group.

Work is cut into parts whose number does not depend on that of the processes. Each process makes some of the parts, all
of them get every part, in order: what they compute from the parts is bit-equal for any number of processes.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import ArgumentError, RiemannSamplerError

__all__ = ["THIS_PROCESS", "Communicator", "launched"]

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables of the environment by which torchrun tells a process who it is."""

Part: TypeAlias = tuple[Tensor, ...]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Communicator:
    """The processes of a group, as one of them sees them; each of them must make the same calls in the same order.

    Attributes:
        group: The process group; None is this process alone.
        rank: The place of this process in the group, from 0.
        size: The number of processes.

    Example:
        >>> communicator = Communicator.of(torch.distributed.group.WORLD)
    """

    group: "dist.ProcessGroup | None" = None
    rank: int = 0
    size: int = 1

    @classmethod
    def of(cls, group: "dist.ProcessGroup | None") -> "Communicator":
        """The processes of a group, or this one alone.

        Args:
            group: A process group that holds this process; None is this process alone.

        Returns:
            The processes.

        Raises:
            ArgumentError: If this process is not in the group.
        """
        if group is None:
            return THIS_PROCESS
        rank = dist.get_rank(group)
        if rank < 0:
            msg = "group does not hold this process: call only where it does, or pass torch.distributed.group.WORLD."
            raise ArgumentError(msg)
        return cls(group, rank, dist.get_world_size(group))

    def in_order(self, n: int, make: Callable[[int], Part]) -> Iterator[Part]:
        """Every part, in order; part i is made by process i modulo their number, the others get it from there.

        A process holds two parts at most: the one it made and the one that is due.

        Args:
            n: How many parts there are.
            make: Makes one part, of any number of tensors of any shapes.

        Yields:
            ``make(0)``, ``make(1)``, … on each process.

        Raises:
            RiemannSamplerError: If a part failed on another process; where it failed, its own error is raised.
        """
        if self.group is None:
            yield from map(make, range(n))
            return
        for first in range(0, n, self.size):
            own: Part | Exception = ()
            if first + self.rank < n:
                own = _made(make, first + self.rank)
            for source in range(min(self.size, n - first)):
                due = self._share(self.group, own, source)
                if isinstance(due, Exception):
                    try:
                        raise due
                    finally:
                        del own, due  # frame and exception form a cycle that would keep the process group alive
                yield due

    def each(self, make: Callable[[], Value]) -> Value:
        """What each process makes for itself; what fails on one of them raises an error on all, as in `in_order`."""
        made: list[Value] = []

        def act(_: int) -> Part:
            made.append(make())
            return ()

        for _ in self.in_order(self.size, act):
            pass
        return made[0]

    def first(self, act: Callable[[], object]) -> None:
        """Let the first process act; what fails there raises an error on all, as in `in_order`."""
        self.each(lambda: act() if self.rank == 0 else None)

    def from_first(self, make: Callable[[], Part]) -> Part:
        """What the first process makes, on each process; errors as in `in_order`."""
        (part,) = self.in_order(1, lambda _: make())
        return part

    def broadcast(self, tensor: Tensor) -> Tensor:
        """The tensor that the first process gives, on each process; on the device of its own."""
        (shared,) = self.from_first(lambda: (tensor,))
        return shared.to(tensor.device)

    def barrier(self) -> None:
        """Wait until every process is here."""
        self.each(lambda: None)

    def _share(self, group: "dist.ProcessGroup", own: Part | Exception, source: int) -> Part | Exception:
        """What process ``source`` made, or an error if it could not."""
        sender = dist.get_global_rank(group, source)
        header = [_header(own)]
        dist.broadcast_object_list(header, sender, group)
        if isinstance(header[0], str):
            msg = f"process {source} of {self.size} failed: {header[0]}"
            return own if source == self.rank else RiemannSamplerError(msg)
        empty = (torch.empty(shape, dtype=dtype, device=device) for shape, dtype, device in header[0])
        received = own if source == self.rank and not isinstance(own, Exception) else empty
        return tuple(_carry(group, tensor, sender) for tensor in received)


THIS_PROCESS = Communicator()
"""This process alone."""


@contextmanager
def launched() -> Iterator[Communicator]:
    """The processes that torchrun started with this one, or this one alone if it was started in another way.

    Between them gloo carries tensors of the CPU, and nccl those of CUDA devices, of which each process takes its own.
    """
    if not all(name in os.environ for name in TORCHRUN):
        yield THIS_PROCESS
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    dist.init_process_group()
    try:
        yield Communicator.of(dist.group.WORLD)
    finally:
        dist.destroy_process_group()


def _made(make: Callable[[int], Part], index: int) -> Part | Exception:
    try:
        return make(index)
    except Exception as error:  # it is raised again, once the others know
        return error


def _header(part: Part | Exception) -> str | list[tuple[torch.Size, torch.dtype, str]]:
    """What a process must know of a part before it gets the part."""
    if isinstance(part, Exception):
        return f"{type(part).__name__}: {part}"
    return [(tensor.shape, tensor.dtype, tensor.device.type) for tensor in part]


def _carry(group: "dist.ProcessGroup", tensor: Tensor, sender: int) -> Tensor:
    """The sender's tensor, bit for bit, on each process."""
    carriers = [entry.split(":")[0] for entry in dist.get_backend_config(group).split(",")]
    device = tensor.device.type if tensor.device.type in carriers else carriers[0]  # nccl carries none of the CPU
    content = tensor.to(device).reshape(-1).contiguous().view(torch.uint8)
    dist.broadcast(content, sender, group)
    return content.view(tensor.dtype).reshape(tensor.shape).to(tensor.device)
