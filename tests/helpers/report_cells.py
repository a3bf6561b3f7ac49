"""Cells of a comparison that was never run, with figures that are known."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SAMPLERS = {
    "N(0, I)": ("baseline", 113.0, 0.57, 0.64),
    "GMM-10": ("baseline", 28.9, 0.91, 0.42),
    "GMM-100": ("baseline", 27.7, 0.94, 0.29),
    "aggregate posterior": ("baseline", 22.0, 0.95, 0.06),
    "mean + 0.5 N(0, I)": ("baseline", 22.6, 0.90, 0.03),
    "published dynamics": ("baseline", 24.1, 0.88, 0.02),
    "pythae: Normal": ("native", 113.4, 0.56, 0.64),
    "pythae: GaussianMixture": ("native", 28.5, 0.91, 0.41),
    "pythae: MAF": ("native", 49.0, 0.86, 0.52),
    "pythae: IAF": ("native", 55.0, 0.82, 0.53),
    "pythae: TwoStageVAE": ("native", 41.0, 0.84, 0.47),
    "ours: uniform": ("ours", 20.8, 0.87, 0.01),
    "ours: calibrated": ("ours", 21.2, 0.94, 0.26),
    "ours: clusters": ("ours", 23.2, 0.94, 0.29),
    "ours: local": ("ours", 22.0, 0.93, 0.27),
    "ours: paper": ("ours", 36.2, 0.53, 0.03),
    "real train": ("ceiling", 4.1, 0.97, 0.0),
    "reconstructions": ("ceiling", 20.4, 0.996, 0.27),
}
"""Kind, Fréchet distance, coverage and authenticity of each sampler."""

DIFFICULTY = {"fashion": 2.5, "digits": 1.0}
N_FULL = 10_000


def make_cell(
    sampler: str,
    *,
    dataset: str = "fashion",
    n_train: int = N_FULL,
    model: str = "BetaVAE",
    seed: int = 0,
    error: str | None = None,
    picture: str | None = None,
    **scores: float | None,
) -> dict[str, Any]:
    """A cell with the scores of the table above, moved a little by its names and seed; ``scores`` replace them."""
    kind, distance, coverage, authenticity = SAMPLERS[sampler]
    rng = np.random.default_rng([seed, n_train, *map(ord, dataset + model + sampler)])
    distance *= DIFFICULTY[dataset] * (N_FULL / n_train) ** 0.15 * rng.uniform(0.96, 1.04)
    few = (n_train / N_FULL) ** 0.1
    figures = {
        "frechet_distance": distance,
        "kernel_distance": distance / 2_000 - 0.004,
        "precision": 0.99 - distance / 1_000,
        "recall": min(0.96, coverage * rng.uniform(0.9, 1.0)) * few,
        "density": 1.1 + rng.normal(0, 0.05),
        "coverage": coverage * few * rng.uniform(0.99, 1.0),
        "prd_f8": 0.95 + rng.normal(0, 0.01),
        "prd_f1_8": 0.94 + rng.normal(0, 0.01),
        "authenticity": authenticity * few * rng.uniform(0.97, 1.03),
        "data_copying": 20 * (authenticity - 0.4),
        "class_entropy": 2.28 + rng.normal(0, 0.005),
        "class_balance_error": 0.05 + rng.normal(0, 0.01),
    }
    timed = kind != "ceiling"
    return {
        "cell": {
            "dataset": dataset,
            "n_train": n_train,
            "heldout": "test",
            "model": model,
            "sampler": sampler,
            "seed": seed,
        },
        "kind": kind,
        "config": {
            "n_samples": 10_000 if timed else 5_000,
            "n_heldout": 5_000,
            "latent_dim": 16,
            "active_units": 14 - seed,
            "n_epochs": 30,
            "heldout_mse": 0.012,
            "model_file": f"{model}-{seed}.safetensors",
        },
        "environment": {
            "commit": "0123abc",
            "python": "3.11.7",
            "versions": {"riemann-sampler": "0.1.0", "torch": "2.13.0"},
            "machine": "Linux x86_64",
            "threads": 1,
        },
        "features": {
            "classifier": {"name": f"{dataset}-conv64", "heldout_accuracy": 0.91},
            "efflite0": {"name": "EfficientNet-Lite0"},
        },
        "scores": None
        if error
        else {"classifier": figures | scores, "efflite0": figures | {"frechet_distance": 3 * distance}},
        "seconds": {"fit": rng.uniform(0.1, 9) if timed else None, "sample": rng.uniform(0.1, 2) if timed else None},
        "peak_memory_mib": rng.uniform(10, 400) if timed else None,
        "error": error,
        "map": [] if error else rng.normal(0, 1 if sampler != "N(0, I)" else 1.6, (300, 2)).round(3).tolist(),
        "picture": picture,
    }


def write_cell(folder: Path, cell: dict[str, Any]) -> Path:
    """Write a cell where a comparison writes it."""
    names = cell["cell"]
    slug = "".join(letter if letter.isalnum() else "-" for letter in names["sampler"].lower())
    path = folder / names["dataset"] / str(names["n_train"]) / names["model"] / f"seed{names['seed']}" / f"{slug}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(cell))
    return path


def write_study(
    folder: Path,
    *,
    datasets: tuple[str, ...] = ("fashion", "digits"),
    sizes: tuple[int, ...] = (500, N_FULL),
    models: tuple[str, ...] = ("BetaVAE", "VAE & <flow>"),
    n_seeds: int = 3,
) -> list[dict[str, Any]]:
    """Every sampler everywhere, with pictures of the first seed; IAF fails on the last seed, TwoStageVAE on all."""
    cells = []
    for dataset in datasets:
        for n_train in sizes:
            for model in models:
                for seed in range(n_seeds):
                    for sampler in SAMPLERS:
                        fails = sampler == "pythae: TwoStageVAE" or (sampler == "pythae: IAF" and seed == n_seeds - 1)
                        error = "ValueError: <no> convergence & no way out" if fails else None
                        names = {"dataset": dataset, "n_train": n_train, "model": model, "seed": seed}
                        cell = make_cell(sampler, **names, error=error)
                        path = write_cell(folder, cell)
                        if seed == 0 and not error:
                            picture = path.with_suffix(".png")
                            picture.write_bytes(mosaic(len(cells)))
                            cell["picture"] = str(picture.relative_to(folder))
                            path.write_text(json.dumps(cell))
                        cells.append(cell)
    return cells


def mosaic(seed: int, side: int = 72) -> bytes:
    """A small greyscale PNG, another for each seed."""
    rng = np.random.default_rng(seed)
    shades = np.kron(rng.integers(0, 255, (8, 8)), np.ones((side // 8, side // 8)))
    content = BytesIO()
    Image.fromarray(shades.astype(np.uint8)).save(content, format="png")
    return content.getvalue()
