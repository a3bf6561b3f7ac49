"""Made this folder, by riemann-sampler 0.1.0 (commit 20019f6, torch 2.13.0 on a CPU):

    python tests/files/data/saved-0.1/make.py

It is kept to say what the folder holds, and is not to be run again: what 0.1 saved must stay as 0.1 saved it. A format
that comes after it gets a folder of its own.
"""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from riemann_sampler import GaussianPosterior, LatentSamples, RiemannianUniformSampler

FOLDER = Path(__file__).parent
N_DRAWS, SEED = 12, 7


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def posterior(n: int, dim: int) -> GaussianPosterior:
    """Codes of three groups."""
    mean = 2 * normal(3, dim, seed=0)[torch.arange(n) % 3] + 0.6 * normal(n, dim, seed=1)
    return GaussianPosterior(mean, -3 + 0.3 * normal(n, dim, seed=2))


def numbers(samples: LatentSamples) -> dict[str, Any]:
    """What is known of samples, but for what chains alone have."""
    names = ("z", "log_density", "nearest_centroid", "nearest_distance")
    return {"n_samples": N_DRAWS, "seed": SEED, **{name: getattr(samples, name).tolist() for name in names}}


def metric_numbers(metric: Any, z: Tensor) -> dict[str, Any]:
    return {
        "temperature": metric.temperature,
        "regularization": metric.regularization,
        "decay": metric.decay,
        "n_centroids": len(metric.centroids),
        "z": z.tolist(),
        "log_volume": metric.log_volume(z).tolist(),
        "grad_log_volume": metric.grad_log_volume(z).tolist(),
    }


def main() -> None:
    labels = ["rare" if i < 2 else "often" for i in range(40)]
    volume = RiemannianUniformSampler(n_centroids=15, n_steps=8).fit(posterior(40, 2), labels)
    volume.save(FOLDER / "volume")
    islands = RiemannianUniformSampler.from_preset("local").fit(posterior(30, 3))
    islands.save(FOLDER / "islands")
    points = {"volume": 2 * normal(8, 2, seed=3), "islands": 2 * normal(8, 3, seed=4)}
    expected = {
        "volume": {label: metric_numbers(metric, points["volume"]) for label, metric in volume.metric_.items()},
        "islands": metric_numbers(islands.metric_, points["islands"]),
        "draws": numbers(islands.sample_latents(N_DRAWS, seed=SEED)),
    }
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
