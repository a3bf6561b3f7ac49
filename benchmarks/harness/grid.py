"""Run the jobs of a grid, here or in several processes, with a progress bar over their cells."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from typing import Any, TypeVar
from unittest.mock import patch

import torch
from tqdm import tqdm

__all__ = ["run_grid"]

Job = TypeVar("Job")
Cell = TypeVar("Cell")


def run_grid(
    run_job: Callable[[Job], Iterator[Cell]], jobs: Sequence[Job], *, n_cells: int, n_workers: int
) -> list[Cell]:
    """Run every job and gather the cells that it yields.

    Args:
        run_job: Yields the cells of a job one after the other; picklable where there are several workers.
        jobs: What it is called with.
        n_cells: How many cells there are in all.
        n_workers: Processes of one thread each; with one worker, jobs run in this process, with the threads it has.

    Returns:
        The cells, in the order of the jobs. An exception of any job is raised.
    """
    with tqdm(total=n_cells, desc="cells", unit="cell") as bar:
        if n_workers == 1:
            return [cell for job in jobs for cell in _count(run_job(job), bar.update)]
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(n_workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,))
        # Bars of several processes would overwrite one another.
        with patch.dict(os.environ, {"TQDM_DISABLE": "1"}), context.Manager() as manager, pool:
            counter = manager.Value("i", 0)
            futures = [pool.submit(_gather, counter, run_job, job) for job in jobs]
            pending = set(futures)
            while pending:
                done, pending = wait(pending, timeout=1)
                for future in done:
                    future.result()
                bar.update(counter.value - bar.n)
            return [cell for future in futures for cell in future.result()]


def _count(cells: Iterator[Cell], step: Callable[[], Any]) -> Iterator[Cell]:
    for cell in cells:
        step()
        yield cell


def _gather(counter: Any, run_job: Callable[[Job], Iterator[Cell]], job: Job) -> list[Cell]:
    def step() -> None:
        counter.value += 1

    return list(_count(run_job(job), step))
