"""Compare samplers: train VAEs, sample each in every way, score what comes out, and report.

Every figure is a file: a run that was interrupted goes on where it stopped, and cells that failed are tried again. The
status is 1 if cells failed.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...data.datasets import DATASETS
from ...data.features import FEATURES
from ...harness.names import find_function
from ...models.recipes import RECIPES
from ...samplers.registry import Entry, samplers
from .grid import Failure, run
from .jobs import Settings, jobs
from .report import run as report

__all__ = ["LOW_DATA", "main", "main_low_data", "parser_of", "run_grid"]

SIZES = (200, 1_000, 5_000, None)
LOW_DATA = """The comparison for small training sets: all is trained and fitted on 200, 1,000, 5,000 and all data.

The setting of the paper's experiments (arXiv:2209.07370, section 5.2); the report draws curves over the size.
"""

QUICK_STEPS, QUICK_SAMPLES, QUICK_FLOW_EPOCHS = 800, 1_000, 3
QUICK_SAMPLERS = (
    *("real train", "reconstructions", "N(0, I)", "GMM-10", "aggregate posterior"),
    *("pythae: Normal", "pythae: GaussianMixture", "pythae: MAF"),
)
"""Samplers of ``--quick``, beside all of ours."""


def main(arguments: list[str]) -> None:
    """Run the grid that the command line describes, and report.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    run_grid(parser_of("compare", __doc__).parse_args(arguments))


def main_low_data(arguments: list[str]) -> None:
    """Run the grid over training sizes, and report.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    run_grid(parser_of("low-data", LOW_DATA, sizes=SIZES).parse_args(arguments))


def parser_of(name: str, purpose: str | None, *, sizes: Sequence[int | None] = (10_000,)) -> argparse.ArgumentParser:
    """Options of a run over the grid, with these training sizes unless told."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = Path("benchmark_output")
    add = parser.add_argument
    data = f"{', '.join(DATASETS)}, .npz files or folders of IDX files; for your own models, their data"
    add("--data", nargs="+", default=["digits"], help=data)
    add("--n-train", nargs="+", type=_size, default=sizes, help="training data of models and samplers; 0 takes all")
    own_models = "or your own as module:function, whose latent dimension and training are its own"
    add("--models", nargs="+", default=["VAE"], help=f"{', '.join(RECIPES)}, {own_models}")
    add("--samplers", nargs="+", help="some of them only, or your own as module:class (default: all)")
    add("--seeds", type=int, default=3, help="how many (default: 3)")
    add("--samples", type=int, default=Settings.n_samples, help="data that each sampler generates (default: 10,000)")
    add("--steps", type=int, default=Settings.n_steps, help="steps of each model's training (default: 2,000)")
    add("--latent-dim", type=int, default=Settings.latent_dim, help="dimension of the latent spaces (default: 16)")
    add("--features", nargs="+", default=["classifier"], choices=FEATURES, help="(default: classifier)")
    flows = "passes over the codes for pythae's flows and second stage (default: its own, 100)"
    add("--flow-epochs", type=int, default=Settings.flow_epochs, help=flows)
    add("--validation", action="store_true", help="score against the validation part, for choices yet to be made")
    add("--workers", type=int, default=os.cpu_count(), help="processes (default: one a core)")
    add("--keep-failures", action="store_true", help="leave cells that failed as they are (default: try them again)")
    add("--output", type=Path, default=folder / name, help=f"folder for cells and report (default: {folder / name})")
    add(
        "--cache", type=Path, default=folder / "models", help=f"folder of trained models (default: {folder / 'models'})"
    )
    add("--quick", action="store_true", help="too little of everything to judge by, in minutes; tables say so")
    return parser


def _size(text: str) -> int | None:
    return int(text) or None


def run_grid(options: argparse.Namespace, entries: Mapping[str, Entry] | None = None) -> None:
    """Run what the options ask for and write the report beside the cells.

    Args:
        options: As `parser_of` reads them.
        entries: Samplers by name; None takes those of the benchmarks.

    Raises:
        ArgumentError: There is no such sampler or model.
        SystemExit: Cells failed; the report is written all the same.
    """
    if options.quick:
        options.steps, options.samples = min(options.steps, QUICK_STEPS), min(options.samples, QUICK_SAMPLES)
        options.seeds, options.flow_epochs = 1, min(options.flow_epochs, QUICK_FLOW_EPOCHS)
    known = entries or samplers(options.flow_epochs)
    wanted = options.samplers or [name for name in known if entries or not options.quick or _is_quick(name, known)]
    chosen = {name: known[name] if name in known else _own_sampler(name, known) for name in wanted}
    for model in options.models:
        if model not in RECIPES and not Path(model).is_dir():
            find_function(model, "--models", RECIPES, "a model")
    settings = Settings(
        heldout="validation" if options.validation else "test",
        n_samples=options.samples,
        n_steps=options.steps,
        latent_dim=options.latent_dim,
        features=tuple(options.features),
        flow_epochs=options.flow_epochs,
        quick=options.quick,
    )
    todo = jobs(options.data, options.n_train, options.models, range(options.seeds), chosen)
    cells = options.output / "cells"
    failed = run(
        *(todo, chosen, settings),
        folder=cells,
        models=options.cache,
        n_workers=options.workers,
        keep_failures=options.keep_failures,
    )
    report.main(["--cells", str(cells), "--output", str(options.output)])
    if failed:
        raise SystemExit(_complaint(failed, sum(len(job.samplers) for job in todo)))


def _is_quick(name: str, known: Mapping[str, Entry]) -> bool:
    return name in QUICK_SAMPLERS or known[name].kind == "ours"


def _own_sampler(spec: str, known: Mapping[str, Entry]) -> Entry:
    """A sampler that is made by calling ``module:class``."""
    return Entry(find_function(spec, "--samplers", known, "a sampler"), "own")


def _complaint(failed: Sequence[Failure], n_cells: int) -> str:
    lines = [f"  {path}: {error}" for path, error in failed]
    hint = "They are tried again by the next run, unless it is given --keep-failures."
    return "\n".join(["", f"{len(failed)} of {n_cells} cells failed:", *lines, hint])
