"""Cells of the benchmark, one JSON file for each training set, and the command that runs them."""

import argparse
import itertools
import json
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from sklearn.preprocessing import StandardScaler

from riemann_sampler.augmentation import one_thread

from ...data.datasets import DATASETS, Split, load, short_name
from ...harness.grid import run_grid
from ...harness.provenance import environment, replace_file, write_json
from ...reporting.markdown_table import rounded
from ...scores.memorisation import authenticity
from .classifiers import Judges
from .figures import gains_figure
from .methods import METHODS, Task
from .regimes import LARGE, Regime, chosen_rows, wanted
from .summary import NOTHING, summarized
from .tables import all_tables

__all__ = ["Job", "main", "run_job"]

MOST_HELDOUT: Final = 2_000
"""Held-out data that classifiers are scored on at the most."""

QUICK: Final = {"data": ["digits", "cancer"], "per_class": [10], "ratios": [20], "seeds": 2}
"""What ``--quick`` sets."""


class Job(NamedTuple):
    """A training set.

    Attributes:
        data: Name or path of the data set.
        regime: How many examples of each class.
        seed: Seed of their choice and of all that follows.
        heldout: Part of the data that classifiers are scored on.
        methods: Names of the methods that fill it up.
    """

    data: str
    regime: Regime
    seed: int
    heldout: Literal["test", "validation"]
    methods: tuple[str, ...]


def main(arguments: list[str]) -> None:
    """Run what the command line asks for, and write summary, tables and figure.

    Args:
        arguments: Command line; ``--help`` lists the options.

    Raises:
        SystemExit: Methods failed; all is written all the same.
    """
    options = _parser().parse_args(arguments)
    if options.quick:
        vars(options).update(QUICK)
    heldout: Literal["test", "validation"] = "validation" if options.validation else "test"
    methods = tuple(options.methods or METHODS)
    todo = jobs(options.data, _regimes(options), options.seeds, heldout, methods)
    run = partial(_run_one, folder=options.output / "cells", keep_failures=options.keep_failures)
    cells = run_grid(run, todo, n_cells=len(todo), n_workers=options.workers)
    summary = {"environment": environment("imbalanced-learn"), "quick": options.quick, **summarized(cells)}
    folder = options.output
    write_json(folder / "summary.json", rounded(summary))
    replace_file(folder / "tables.md", all_tables(summary).encode())
    figure = gains_figure(summary)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "gains.png", dpi=110)
    if failed := _failures(cells):
        lines = ["", "Failed:", *failed, "They are tried again by the next run, unless it is given --keep-failures."]
        raise SystemExit("\n".join(lines))


def _run_one(job: Job, folder: Path, *, keep_failures: bool) -> Iterator[dict[str, Any]]:
    yield run_job(job, folder, keep_failures=keep_failures)


def _failures(cells: Sequence[dict[str, Any]]) -> list[str]:
    return [
        f"  {cell['data']}, {cell['regime']}, seed {cell['seed']}, {name}: {result['error']}"
        for cell in cells
        for name, result in cell["results"].items()
        if "error" in result
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks augment", description=__doc__)
    folder = Path("benchmark_output") / "augment"
    add = parser.add_argument
    data = ["digits", "fashion", "cancer", "cells"]
    add("--data", nargs="+", default=data, help=f"{', '.join(DATASETS)}, .npz files or folders of IDX files")
    add("--per-class", nargs="*", type=int, default=[10, 20, 50, 200], help="examples of each class")
    add("--ratios", nargs="*", type=int, default=[5, 20], help="how many times fewer small classes have")
    add("--seeds", type=int, default=5, help="how many training sets of each kind (default: 5)")
    add("--methods", nargs="+", choices=METHODS, metavar="METHOD", help=f"some of: {', '.join(METHODS)}")
    add("--validation", action="store_true", help="score on the validation part, for choices yet to be made")
    add("--workers", type=int, default=os.cpu_count(), help="processes (default: one a core)")
    add("--keep-failures", action="store_true", help="leave methods that failed (default: try them again)")
    add("--output", type=Path, default=folder, help=f"folder for what is written (default: {folder})")
    add("--quick", action="store_true", help="too little of everything to judge by, in a minute or two")
    return parser


def _regimes(options: argparse.Namespace) -> list[Regime]:
    return [*map(Regime, options.per_class), *(Regime(LARGE, ratio) for ratio in options.ratios)]


def jobs(
    data: Sequence[str],
    regimes: Sequence[Regime],
    n_seeds: int,
    heldout: Literal["test", "validation"],
    methods: tuple[str, ...],
) -> list[Job]:
    """Every training set, seeds outermost; of those that no class is large enough for, only the first."""
    labels = {name: load(name, heldout=heldout).train_labels for name in data}
    todo, seen = [], set()
    for seed, name, regime in itertools.product(range(n_seeds), data, regimes):
        rows = (seed, name, *chosen_rows(labels[name], regime, seed).tolist())
        if rows not in seen:
            todo.append(Job(name, regime, seed, heldout, methods))
        seen.add(rows)
    return todo


def run_job(job: Job, folder: Path, *, keep_failures: bool = False) -> dict[str, Any]:
    """The cell of a training set, from its file; what is not there yet, or failed, is run and written."""
    path = folder / short_name(job.data) / job.regime.name.replace(":", "to").replace(" ", "-") / f"seed{job.seed}.json"
    cell = json.loads(path.read_text()) if path.exists() else None
    if cell is None or cell["heldout"] != job.heldout:
        cell = {"data": short_name(job.data), "regime": job.regime.name, "seed": job.seed, "heldout": job.heldout}
        cell |= {"commits": [], "results": {}}
    split = load(job.data, heldout=job.heldout)
    names = [NOTHING, *(name for name in job.methods if METHODS[name].for_tables or split.is_images)]
    done = {name for name, result in cell["results"].items() if keep_failures or "error" not in result}
    missing = [name for name in names if name not in done]
    if missing:
        with one_thread():
            _run_methods(missing, job, split, cell)
        cell["commits"] = sorted({*cell["commits"], environment()["commit"]})
        cell = rounded(cell)  # as it is read again
        write_json(path, cell)
    return {**cell, "results": {name: cell["results"][name] for name in names}}


def _run_methods(methods: Sequence[str], job: Job, split: Split, cell: dict[str, Any]) -> None:
    """Put into the cell what methods add, and what that is good for."""
    rows = chosen_rows(split.train_labels, job.regime, job.seed)
    x, y, heldout = split.train[rows].numpy(), split.train_labels[rows], split.heldout[:MOST_HELDOUT].numpy()
    if not split.is_images:
        scaler = StandardScaler().fit(x)
        x, heldout = (scaler.transform(part).astype(np.float32) for part in (x, heldout))
    task = Task(x, y, wanted(y, job.regime), job.seed)
    judges = Judges(
        task.flat,
        heldout.reshape(len(heldout), -1),
        split.heldout_labels[:MOST_HELDOUT],
        is_images=split.is_images,
        seed=job.seed,
    )
    cell["n_heldout"] = len(heldout)
    cell["counts"] = {str(label): int((y == label).sum()) for label in task.wanted}
    for name in methods:
        cell["results"][name] = (
            {"scores": judges.scores(task.flat, y)} if name == NOTHING else _result(name, task, judges)
        )


def _result(name: str, task: Task, judges: Judges) -> dict[str, Any]:
    """What a method adds and what that is good for; its failure is a finding too."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            added = METHODS[name].augment(task)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
    flat = added.x.reshape(len(added.x), -1)
    return {
        "seconds": time.perf_counter() - start,
        "n_added": len(flat),
        "authenticity": authenticity(task.flat, flat),
        "scores": judges.scores(np.concatenate([task.flat, flat]), np.concatenate([task.y, added.y])),
    }
