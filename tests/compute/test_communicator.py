"""Parts of a piece of work, made by one process or by several, are the same on each of them."""

import contextlib
import gc
import time
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from riemann_sampler import RiemannSamplerError
from riemann_sampler.compute.communicator import THIS_PROCESS, Communicator, launched
from riemann_sampler.errors import ArgumentError
from tests.helpers.builders import normal
from tests.helpers.processes import in_group


def part(index: int) -> tuple[Tensor, ...]:
    """Tensors of many types and shapes, among them those of no elements, no axes, or strides of their own."""
    values = normal(index, 3, seed=index)
    return (
        values,
        values.mT.float(),
        values.bfloat16(),
        values > 0,
        torch.tensor(index),
        torch.tensor(index % 2 == 0),
        torch.full((2,), torch.nan).requires_grad_(),
    )


def world() -> Communicator:
    return Communicator.of(dist.group.WORLD)


def parts_and_makers(n: int) -> tuple[bool, list[int]]:
    """Whether the parts are what they should be, and which of them this process made."""
    made: list[int] = []

    def make(index: int) -> tuple[Tensor, ...]:
        made.append(index)
        return part(index)

    equal = True
    for index, found in enumerate(world().in_order(n, make)):
        for one, wanted in zip(found, part(index), strict=True):
            equal &= one.dtype == wanted.dtype and one.shape == wanted.shape
            equal &= torch.equal(one.nan_to_num(7), wanted.nan_to_num(7))
    return equal, made


def fail_at(bad: int, n: int) -> None:
    def make(index: int) -> tuple[Tensor, ...]:
        if index == bad:
            msg = "no such part"
            raise KeyError(msg)
        return (torch.zeros(1),)

    list(world().in_order(n, make))


class Token:
    """Something that can be watched."""


def freed(bad: int) -> bool:
    """Whether a failure lets go of what it knew at once: a group that outlives its end aborts the process."""
    gc.disable()
    token = Token()
    watched = weakref.ref(token)

    def make(index: int, token: Token = token) -> tuple[Tensor, ...]:
        if index == bad:
            raise KeyError(token)
        return ()

    with contextlib.suppress(KeyError, RiemannSamplerError):
        list(world().in_order(3, make))
    del token, make
    return watched() is None


def of_the_first() -> list[float]:
    tensor = torch.full((3,), float(world().rank + 5))
    found = world().broadcast(tensor)
    return [*found.tolist(), *tensor.tolist()]


def own_names() -> str:
    return world().each(lambda: f"process {world().rank}")


def first_writes(path: Path) -> None:
    def write() -> None:
        with path.open("a") as file:
            file.write("once")

    world().first(write)


def late(path: Path) -> bool:
    """Whether the last process had come when this one went on."""
    if world().rank == world().size - 1:
        time.sleep(0.3)
        path.touch()
    world().barrier()
    return path.exists()


def of_a_part() -> int:
    return Communicator.of(dist.new_group([0])).size


@pytest.mark.parametrize("size", [1, 2, 3])
def test_every_process_gets_every_part(size: int, tmp_path: Path) -> None:
    n = 5
    made = [[*range(rank, n, size)] for rank in range(size)]
    assert in_group(size, tmp_path, parts_and_makers, n) == [(True, own) for own in made]


def test_alone_parts_are_made_when_they_are_due() -> None:
    made: list[int] = []

    def make(index: int) -> tuple[Tensor, ...]:
        made.append(index)
        return (torch.tensor(index),)

    for index, (found,) in enumerate(THIS_PROCESS.in_order(3, make)):
        assert (int(found), made) == (index, [*range(index + 1)])


@pytest.mark.parametrize("bad", [0, 1, 3])
def test_a_failure_is_one_on_every_process(bad: int, tmp_path: Path) -> None:
    found = in_group(2, tmp_path, fail_at, bad, 5)
    own, other = found[bad % 2], found[1 - bad % 2]
    assert isinstance(own, KeyError)
    assert isinstance(other, RiemannSamplerError)
    assert str(other) == f"process {bad % 2} of 2 failed: KeyError: 'no such part'"


@pytest.mark.parametrize("bad", [0, 1])
def test_a_failure_keeps_nothing_alive(bad: int, tmp_path: Path) -> None:
    assert in_group(2, tmp_path, freed, bad) == [True, True]


def test_what_the_first_process_gives(tmp_path: Path) -> None:
    assert in_group(2, tmp_path, of_the_first) == [[5, 5, 5, 5, 5, 5], [5, 5, 5, 6, 6, 6]]
    tensor = normal(3)
    assert torch.equal(THIS_PROCESS.broadcast(tensor), tensor)


def test_what_each_makes_for_itself(tmp_path: Path) -> None:
    assert in_group(2, tmp_path, own_names) == ["process 0", "process 1"]
    assert THIS_PROCESS.each(lambda: "mine") == "mine"


def test_only_the_first_acts(tmp_path: Path) -> None:
    assert in_group(2, tmp_path, first_writes, tmp_path / "a") == [None, None]
    assert (tmp_path / "a").read_text() == "once"


def test_no_process_passes_a_barrier_early(tmp_path: Path) -> None:
    assert in_group(3, tmp_path, late, tmp_path / "a") == [True, True, True]


def test_a_group_that_does_not_hold_the_process(tmp_path: Path) -> None:
    size, error = in_group(2, tmp_path, of_a_part)
    assert size == 1
    assert isinstance(error, ArgumentError)
    assert "group does not hold this process" in str(error)


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Communicator.of(None) is THIS_PROCESS
    monkeypatch.setenv("RANK", "1")  # of some other launcher
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with launched() as communicator:
        assert communicator is THIS_PROCESS
    assert not dist.is_initialized()


def _launched(variables: dict[str, str]) -> Any:
    dist.destroy_process_group()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with launched() as communicator:
            sizes = communicator.rank, communicator.size, dist.is_initialized()
    return *sizes, dist.is_initialized()


def test_torchrun_says_who_a_process_is(tmp_path: Path) -> None:
    variables = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "0"}
    assert in_group(1, tmp_path, _launched, variables) == [(0, 1, True, False)]
