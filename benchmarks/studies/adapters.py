"""Every model of every supported library: trained, wrapped, fitted, sampled, and left as it was."""

import argparse
import time
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.errors import UnsupportedModelError

from ..harness.isolation import set_apart
from ..harness.provenance import environment, write_json
from ..harness.snapshots import random_states, traces
from ..models.zoo import LIBRARIES, Trained
from ..reporting.markdown_table import markdown_table

__all__ = ["main", "run", "table"]

N_SAMPLES = 100
HEADINGS = {
    "library": "library",
    "model": "model",
    "adapter": "adapter",
    "dim": "d",
    "fits": "fits",
    "samples": "samples",
    "untouched": "model untouched",
    "train_seconds": "train, s",
    "seconds": "fit and sample, s",
    "note": "note",
}


def check(library: str, name: str) -> dict[str, Any]:
    """One row: whatever goes wrong stands in its note, and in the answers that it makes no."""
    row: dict[str, Any] = {"library": library, "model": name, "adapter": None, "dim": None}
    row |= {"fits": False, "samples": False, "untouched": False, "train_seconds": None, "seconds": None, "note": ""}
    try:
        start = time.perf_counter()
        trained: Trained = import_module(f"benchmarks.models.zoo.{library}").MODELS[name]()
        row["train_seconds"] = time.perf_counter() - start
        _use(trained, row)
    except Exception as error:  # the row tells what failed, and the next one is tried
        row["note"] = f"{type(error).__name__}: {error}".replace("\n", " ")
    return row


def _use(trained: Trained, row: dict[str, Any]) -> None:
    model, data = trained
    before = traces(model), random_states()
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        adapter = as_latent_model(model)
        row["adapter"] = type(adapter).__name__
        sampler = RiemannianUniformSampler(adapter).fit(data, seed=0)
        row["dim"] = adapter.latent_dim
        row["fits"] = True
        samples = sampler.sample(N_SAMPLES, seed=0)
    row["seconds"] = time.perf_counter() - start
    row["untouched"] = (traces(model), random_states()) == before
    row["samples"] = len(samples) == N_SAMPLES and bool(torch.isfinite(samples).all())
    row["note"] = ", ".join(sorted({warning.category.__name__ for warning in caught}))


def refuse(library: str, name: str) -> dict[str, Any]:
    """One row of a model that must be refused, with the reason given; none if it is not refused."""
    try:
        with set_apart():
            model = import_module(f"benchmarks.models.zoo.{library}").REFUSED[name]()
        as_latent_model(model)
    except UnsupportedModelError as error:
        reason = str(error).partition("\n")[0].removesuffix(" Any model can be wrapped by two functions of your own:")
        return {"library": library, "model": name, "reason": reason.partition("cannot be used: ")[2] or reason}
    return {"library": library, "model": name, "reason": None}


def run() -> dict[str, Any]:
    """A row for every model of every library."""
    zoo = {library: import_module(f"benchmarks.models.zoo.{library}") for library in LIBRARIES}
    pairs = [(library, name) for library, models in zoo.items() for name in models.MODELS]
    with tqdm(pairs, desc="adapters", unit="model") as bar:
        rows = [check(library, name) for library, name in bar]
    refused = [refuse(library, name) for library, models in zoo.items() for name in getattr(models, "REFUSED", ())]
    packages = ("pythae", "diffusers", "monai", "scvi-tools", "lightning")
    return {"environment": environment(*packages), "n_samples": N_SAMPLES, "rows": rows, "refused": refused}


def failures(figures: dict[str, Any]) -> list[str]:
    """The models that do not fit, do not sample or were changed, and those that should have been refused."""
    accepted = [f"{row['library']} {row['model']}: not refused" for row in figures["refused"] if not row["reason"]]
    return accepted + [
        f"{row['library']} {row['model']}: {row['note'] or 'the model was changed, or its samples are not finite'}"
        for row in figures["rows"]
        if not (row["fits"] and row["samples"] and row["untouched"])
    ]


def table(figures: dict[str, Any]) -> str:
    """The rows as Markdown tables."""
    words = {True: "yes", False: "NO"}
    answers = ("fits", "samples", "untouched")
    shown = [row | {key: words[row[key]] for key in answers} | {"note": row["note"] or None} for row in figures["rows"]]
    refused = {"library": "library", "model": "refused model", "reason": "reason"}
    tables = markdown_table(shown, HEADINGS, digits=1), markdown_table(figures["refused"], refused)
    return "\n\n".join(tables)


def main(arguments: list[str]) -> None:
    """Print the table and write its figures; end with status 1 if any model fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks adapters", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("benchmark_output"), help="folder for adapters.json")
    output = parser.parse_args(arguments).output
    figures = run()
    print(table(figures))
    write_json(output / "adapters.json", figures)
    failed = failures(figures)
    if failed:
        raise SystemExit("\n".join(["", *failed]))
