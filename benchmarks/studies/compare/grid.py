"""The grid of benchmarks: data set × training size × model × seed × sampler, one JSON file a cell.

A cell that is there is not run again unless it was asked for otherwise, so that an interrupted run goes on where it
stopped; cells that failed are tried again. Cells of one model are run together, after it was trained once and kept.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ...data.datasets import load, short_name
from ...harness.grid import run_grid
from ...harness.provenance import environment, write_json
from ...samplers.registry import Entry
from .bench import Bench
from .jobs import Job, Settings, cell_path

__all__ = ["Failure", "run", "run_job"]


class Failure(NamedTuple):
    """A cell that failed, and how."""

    path: Path
    error: str


def run(
    todo: Sequence[Job],
    samplers: Mapping[str, Entry],
    settings: Settings,
    *,
    folder: Path,
    models: Path,
    n_workers: int,
    keep_failures: bool = False,
) -> list[Failure]:
    """Run the cells of all jobs that are not there yet, with a progress bar over the cells.

    Args:
        todo: The jobs.
        samplers: Samplers by name; what makes them must be picklable for more than one worker.
        settings: What is the same in all cells.
        folder: Where the cells go.
        models: Where trained models are kept.
        n_workers: Processes, one thread each; with one everything is done here, with the threads there are.
        keep_failures: Whether cells that failed before stay as they are; otherwise they are tried again.

    Returns:
        The cells that failed, now or before.
    """
    arguments = {"samplers": samplers, "settings": settings, "folder": folder, "models": models}
    cells = run_grid(
        partial(run_job, **arguments, keep_failures=keep_failures),
        todo,
        n_cells=sum(len(job.samplers) for job in todo),
        n_workers=n_workers,
    )
    return [Failure(path, error) for path, error in cells if error is not None]


def run_job(
    job: Job,
    samplers: Mapping[str, Entry],
    settings: Settings,
    folder: Path,
    models: Path,
    *,
    keep_failures: bool,
) -> Iterator[tuple[Path, str | None]]:
    """Run the cells of one job that are not there yet; gives each cell's file and error when it is there."""
    split = load(job.data, heldout=settings.heldout, n_train=job.n_train, seed=job.seed)
    paths = {name: cell_path(folder, job, len(split.train), name) for name in job.samplers}
    done = {name: cell for name, path in paths.items() if (cell := _stored(path, settings, keep_failures)) is not None}
    yield from ((paths[name], cell["error"]) for name, cell in done.items())
    missing = [name for name in paths if name not in done]
    if not missing:
        return
    bench = Bench.make(job, split, settings, models)
    for name in missing:
        entry = samplers[name]
        figures = {
            "cell": {
                "dataset": short_name(job.data),
                "n_train": len(split.train),
                "heldout": settings.heldout,
                "model": job.model,
                "sampler": name,
                "seed": job.seed,
            },
            "kind": entry.kind,
            "settings": asdict(settings),
            "config": bench.config,
            "environment": {**environment("pythae"), "threads": torch.get_num_threads()},
            **bench.measure(entry.make, paths[name], folder),
        }
        write_json(paths[name], figures)
        yield paths[name], figures["error"]


def _stored(path: Path, settings: Settings, keep_failures: bool) -> dict[str, Any] | None:
    """The cell of a file; None if it has to be run: it is not there, was run with other settings, or failed."""
    if not path.exists():
        return None
    cell: dict[str, Any] = json.loads(path.read_text())
    if cell.get("settings") != json.loads(json.dumps(asdict(settings))):
        return None
    return cell if cell["error"] is None or keep_failures else None
