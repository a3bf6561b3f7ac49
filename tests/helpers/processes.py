"""Groups of processes for the tests, forked from a server that imports everything once."""

import multiprocessing
import queue
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

PRELOADED = ["numpy", "torch", "riemann_sampler.sharding.tasks", "tests.helpers.builders"]
TIMEOUT = 60


def in_group(n: int, folder: Path, task: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What a task of a module's top level returns, or the exception it raises, on each process of a gloo group.

    None for a process that was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    store, results = folder / f".store-{n}-{task.__name__}", context.Queue()
    members = [
        context.Process(target=_member, args=(rank, n, str(store), results, task, arguments), daemon=True)
        for rank in range(n)
    ]
    for member in members:
        member.start()
    found: dict[int, Any] = {}
    while len(found) < n and (any(member.is_alive() for member in members) or not results.empty()):
        try:
            rank, result = results.get(timeout=0.2)
            found[rank] = result
        except queue.Empty:
            pass
    for member in members:
        member.join(TIMEOUT)
        assert not member.is_alive()
    store.unlink(missing_ok=True)
    return [found.get(rank) for rank in range(n)]


def _member(rank: int, n: int, store: str, results: Any, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    timeout = timedelta(seconds=TIMEOUT)
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=n, timeout=timeout)
    try:
        result = task(*arguments)
    except Exception as error:
        result = error
    results.put((rank, result))
    if dist.is_initialized():
        dist.destroy_process_group()
