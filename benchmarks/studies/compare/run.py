"""Compare samplers: train VAEs, sample each in every way, score what comes out, and report.

Every figure is a file: a run that was interrupted goes on where it stopped.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from riemann_sampler.adapters import load_function

from ...data.datasets import DATASETS
from ...data.features import FEATURES
from ...models.recipes import RECIPES
from ...samplers.registry import Entry, samplers
from .grid import Settings, jobs, run
from .report import run as report

__all__ = ["main", "parser_of", "run_grid"]

QUICK_STEPS, QUICK_SAMPLES = 800, 1_000
QUICK_SAMPLERS = (
    *("real train", "reconstructions", "N(0, I)", "GMM-10", "aggregate posterior"),
    *("pythae: Normal", "pythae: GaussianMixture", "pythae: MAF"),
    *("ours: uniform", "ours: calibrated", "ours: clusters"),
)


def main(arguments: list[str]) -> None:
    """Run the grid that the command line describes, and report.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    run_grid(parser_of("compare", __doc__).parse_args(arguments))


def parser_of(name: str, purpose: str | None, *, sizes: Sequence[int | None] = (10_000,)) -> argparse.ArgumentParser:
    """Options of a run over the grid, with these training sizes unless told."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}", description=purpose, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = Path("benchmark_output")
    add = parser.add_argument
    add("--data", nargs="+", default=["digits"], help=f"{', '.join(DATASETS)}, .npz files or folders of IDX files")
    add("--n-train", nargs="+", type=_size, default=sizes, help="training data of models and samplers; 0 takes all")
    add("--models", nargs="+", default=["VAE"], help=f"{', '.join(RECIPES)}, or your own as module:function")
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
    add("--output", type=Path, default=folder / name, help=f"folder for cells and report (default: {folder / name})")
    add(
        "--cache", type=Path, default=folder / "models", help=f"folder of trained models (default: {folder / 'models'})"
    )
    add("--quick", action="store_true", help="too little of everything to judge by, in minutes")
    return parser


def _size(text: str) -> int | None:
    return int(text) or None


def run_grid(options: argparse.Namespace, entries: Mapping[str, Entry] | None = None) -> None:
    """Run what the options ask for and write the report beside the cells.

    Args:
        options: As `parser_of` reads them.
        entries: Samplers by name; None takes those of the benchmarks.
    """
    if options.quick:
        options.steps, options.samples = min(options.steps, QUICK_STEPS), min(options.samples, QUICK_SAMPLES)
        options.seeds, options.flow_epochs = 1, min(options.flow_epochs, 3)
        options.samplers = options.samplers or list(QUICK_SAMPLERS)
    known = entries or samplers(options.flow_epochs)
    chosen = {name: known[name] if name in known else _own(name) for name in options.samplers or known}
    settings = Settings(
        heldout="validation" if options.validation else "test",
        n_samples=options.samples,
        n_steps=options.steps,
        latent_dim=options.latent_dim,
        features=tuple(options.features),
        flow_epochs=options.flow_epochs,
    )
    todo = jobs(options.data, options.n_train, options.models, range(options.seeds), chosen)
    cells = options.output / "cells"
    run(todo, chosen, settings, folder=cells, models=options.cache, n_workers=options.workers)
    report.main(["--cells", str(cells), "--output", str(options.output)])


def _own(spec: str) -> Entry:
    """A sampler that is made by calling ``module:class``."""
    return Entry(load_function(spec, option="--samplers", otherwise="a sampler known here"), "baseline")
