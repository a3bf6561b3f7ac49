"""The demo: train a small VAE on handwritten digits, sample it in two lines, compare, and draw what came out."""

import argparse
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.encoding import summarize
from riemann_sampler.geometry.plots import plot_latent_map

from ..data.datasets import Split, digits
from ..data.features import FeatureMap, classifier
from ..harness.provenance import environment, replace_file, write_json
from ..models.recipes import train
from ..reporting.images import sample_panels, write_figure
from ..reporting.markdown_table import markdown_table, note_quick
from ..samplers.registry import SAMPLERS, Task
from ..scores import Reference

__all__ = ["main", "table"]

Images = Float[Tensor, "n 1 height width"]

LATENT_DIM, BETA = 16, 0.05
MAP_BETA = 0.5
"""Weight of the divergence for the VAE with two latent dimensions, whose units do not collapse."""

N_SAMPLES, N_STEPS = 1_000, 2_000
QUICK_N_TRAIN, QUICK_N_SAMPLES, QUICK_N_STEPS = 400, 100, 400
PANEL_SIDE = 8
"""Images along each side of a panel; its square is the smallest number of samples."""

BASELINES: Final = ("N(0, I)", "GMM-10", "aggregate posterior")
OURS: Final = ("ours: calibrated", "ours: clusters", "ours: local")
"""Presets that are run beside `RiemannianUniformSampler` as it comes, which is the preset "uniform"."""

HEADINGS: Final = {
    "sampler": "sampler",
    "frechet_distance": "FD ↓",
    "precision": "precision ↑",
    "recall": "recall ↑",
    "density": "density ↑",
    "coverage": "coverage ↑",
    "authenticity": "authenticity ↑",
    "fit_seconds": "fit, s",
    "sample_seconds": "sample, s",
}


@dataclass(frozen=True)
class Run:
    """What a sampler gave, and how long it took from images to images."""

    name: str
    images: Images
    fit_seconds: float | None
    sample_seconds: float | None


def _run(name: str, task: Task, n_samples: int, seed: int) -> Run:
    """A sampler of the benchmarks, from images to images."""
    start = time.perf_counter()
    posterior = task.latent.encode(task.train)
    sampler = SAMPLERS[name].make().fit(task._replace(posterior=posterior), seed)
    fitted = time.perf_counter()
    generated = sampler.sample(n_samples, seed)
    return Run(name, generated, fitted - start, time.perf_counter() - fitted)


def _run_ours(vae: Any, train_images: Images, n_samples: int, seed: int) -> tuple[Run, RiemannianUniformSampler]:
    """The two lines."""
    start = time.perf_counter()
    sampler = RiemannianUniformSampler(vae).fit(train_images, seed=seed)
    fitted = time.perf_counter()
    images = sampler.sample(n_samples, seed=seed)
    return Run("ours: uniform", images, fitted - start, time.perf_counter() - fitted), sampler


def _row(run: Run, features: FeatureMap, reference: Reference) -> dict[str, float | str | None]:
    scores = reference.score(features.extract(run.images))
    seconds = {"fit_seconds": run.fit_seconds, "sample_seconds": run.sample_seconds}
    return {"sampler": run.name, "n_images": len(run.images), **scores, **seconds}


def table(figures: dict[str, Any]) -> str:
    """What the figures were made of, and the figures as a Markdown table."""
    caption = _caption(figures["config"], figures["environment"])
    return note_quick(f"{caption}\n\n{markdown_table(figures['rows'], HEADINGS)}", figures)


def _caption(config: dict[str, Any], env: dict[str, Any]) -> str:
    versions = {**env["versions"], "pythae": config["pythae"]}
    return "\n".join(
        f"- {line}"
        for line in [
            f"Features {config['features']}: last hidden layer of a small convolutional classifier trained on the "
            f"training images, {config['classifier_heldout_accuracy']:.1%} right on the held-out ones.",
            f"scikit-learn's digits, {config['n_train']:,} training and {config['n_heldout']:,} held-out images; "
            f"{config['n_samples']:,} samples each ({config['n_heldout']:,} reconstructions); "
            f"seed {config['seed']}, torch threads: {env['threads']}, for training 1.",
            f"pythae BetaVAE, Bernoulli likelihood, beta {config['beta']:g}, d = {config['latent_dim']}, "
            f"{config['active_units']} units active, {config['n_steps']:,} steps of training; mean squared error of "
            f"held-out reconstructions {config['heldout_mse']:.4f} per pixel.",
            "FD against all held-out images; precision, recall, density and coverage (k = 5) against them with as many "
            "samples; authenticity against the training images; fit from images, sample to images.",
            "One model, one seed. An authenticity near 0 means that samples copy training images; fresh draws from "
            "their law would have 1/3 to 1/2.",
            "Python " + env["python"] + ", " + ", ".join(f"{name} {number}" for name, number in versions.items()) + ".",
        ]
    )


def _compare(split: Split, options: argparse.Namespace) -> None:
    """Table and sample panels of the VAE with 16 latent dimensions."""
    print(f"Training a VAE with {LATENT_DIM} latent dimensions on {len(split.train):,} digits.", flush=True)
    vae = train("BetaVAE", split.train, LATENT_DIM, beta=BETA, n_steps=options.steps, seed=options.seed)
    features = classifier(split, "digits")
    model = as_latent_model(vae)

    print("Fitting and sampling.\n", flush=True)
    ours, sampler = _run_ours(vae, split.train, options.samples, options.seed)
    task = Task(vae, model, sampler.posterior_, split.train, split.train_labels, split.heldout)
    baselines = [_run(name, task, options.samples, options.seed) for name in BASELINES]
    presets = [_run(name, task, options.samples, options.seed) for name in OURS]
    reconstructions = model.decode(model.encode(split.heldout).mean)
    ceiling = Run("reconstructions of held-out", reconstructions, None, None)
    runs = [*baselines, ours, *presets, ceiling]

    reference = Reference(features.extract(split.train), features.extract(split.heldout))
    rows = [_row(run, features, reference) for run in runs]
    config = {
        "features": features.name,
        "classifier_heldout_accuracy": features.heldout_accuracy,
        "n_train": len(split.train),
        "n_heldout": len(split.heldout),
        "n_samples": options.samples,
        "seed": options.seed,
        "beta": BETA,
        "latent_dim": LATENT_DIM,
        "active_units": int(summarize(sampler.posterior_).active.sum()),
        "n_steps": options.steps,
        "heldout_mse": (reconstructions - split.heldout).square().mean().item(),
        "pythae": version("pythae"),
    }
    figures = {"environment": environment(), "quick": options.quick, "config": config, "rows": rows}
    print(table(figures))
    print(f"\nRiemannianUniformSampler(vae).fit(train_images).sample({options.samples}) says of itself:\n")
    print(sampler.summary())

    replace_file(options.output / "table.md", f"{table(figures)}\n".encode())
    write_json(options.output / "table.json", figures)
    write_figure(_panels(runs, rows, split), options.output / "samples.png")


def _panels(runs: list[Run], rows: list[dict[str, Any]], split: Split) -> Figure:
    title = f"What a VAE trained on {len(split.train):,} digits generates, by sampler"
    panels = {"held-out digits": split.heldout} | {run.name: run.images for run in (runs[-1], *runs[:-1])}
    notes = {"held-out digits": "real, seen by no model"} | {
        row["sampler"]: f"FD {row['frechet_distance']:.2f} · recall {row['recall']:.2f} · "
        f"authenticity {row['authenticity']:.2f}"
        for row in rows
    }
    return sample_panels(panels, title=title, notes=notes, n_images=PANEL_SIDE, n_columns=5)


def _draw_map(split: Split, options: argparse.Namespace) -> None:
    """Map of the log volume of a VAE with two latent dimensions."""
    print("\nTraining a VAE with 2 latent dimensions for the map.", flush=True)
    vae = train("BetaVAE", split.train, 2, beta=MAP_BETA, n_steps=options.steps, seed=options.seed)
    sampler = RiemannianUniformSampler(vae).fit(split.train, seed=options.seed)
    samples = sampler.sample_latents(options.samples, seed=options.seed).z
    axes = plot_latent_map(sampler.metric_, points={"samples": samples})
    title = f"Volume element of a digits VAE, and its uniform law at temperature {sampler.temperature_:.2f}"
    axes.set_title(title, fontsize=12, fontweight="bold", pad=10)
    write_figure(axes.figure, options.output / "log_volume.png")


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo_output"), help="folder for table and pictures")
    parser.add_argument("--samples", type=int, help=f"samples of each sampler (default: {N_SAMPLES})")
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default: 0)")
    parser.add_argument("--quick", action="store_true", help="train and sample too little to judge by, in seconds")
    options = parser.parse_args(arguments)
    options.steps = QUICK_N_STEPS if options.quick else N_STEPS
    if options.samples is None:
        options.samples = QUICK_N_SAMPLES if options.quick else N_SAMPLES
    if options.samples < PANEL_SIDE**2:
        parser.error(f"--samples must be at least {PANEL_SIDE**2}, which is what a panel shows; got {options.samples}")
    return options


def main(arguments: list[str]) -> None:
    """Print the table and the sampler's summary; write table and pictures.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    options = _options(arguments)
    split = digits(n_train=QUICK_N_TRAIN if options.quick else None, seed=options.seed)
    _compare(split, options)
    _draw_map(split, options)
    names = ("table.md", "table.json", "samples.png", "log_volume.png")
    print("\nWritten: " + ", ".join(str(options.output / name) for name in names))
