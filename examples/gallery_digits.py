"""A gallery of handwritten digits: what a small VAE makes of them, its latent space, and paths through it.

Needs ``pip install "riemann-sampler[plot]"``; run it with ``python gallery_digits.py --folder gallery``.
"""

import argparse
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from small_vae import VAE, train
from torch import Tensor

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.geometry import interpolate, pullback_calibration, straight, widened
from riemann_sampler.geometry.plots import plot_latent_map, plot_pullback_calibration, plot_strips


def draw_map(images: Tensor, n_steps: int, path: Path) -> None:
    """The latent space of a VAE with two dimensions, its uniform law, and paths that go round its holes."""
    model = train(images, 2, n_steps=n_steps)
    sampler = RiemannianUniformSampler(model).fit(images)
    metric = widened(sampler.metric_)
    a, b = sampler.posterior_.mean[:16].chunk(2)
    paths = {"straight": straight(a, b, 64), "ours": interpolate(metric, a, b).points}
    axes = plot_latent_map(metric, points={"samples": sampler.sample_latents(300, seed=0).z}, paths=paths)
    axes.figure.savefig(path, dpi=100)


def draw_strips(model: VAE, images: Tensor, path: Path) -> None:
    """What paths between two images decode to, ours and straight ones."""
    starts, ends = images[:4], images[4:8]
    ours = RiemannianUniformSampler(model).fit(images).interpolate(starts, ends, n_points=12)
    with torch.no_grad():
        lines = straight(model.encode(starts)[0], model.encode(ends)[0], 12)
        images = model.decode(lines.flatten(0, 1)).unflatten(0, lines.shape[:2])
    plot_strips({"ours": ours, "straight": images}).figure.savefig(path, dpi=100)


def main() -> None:
    """Train, fit, draw four pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("gallery"), help="where the pictures go")
    parser.add_argument("--steps", type=int, default=3_000, help="steps of each training")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    images = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16

    draw_map(images, options.steps, options.folder / "digits-map.png")

    model = train(images, 8, n_steps=options.steps)
    sampler = RiemannianUniformSampler.from_preset("local", model).fit(images)
    samples = sampler.sample(60, seed=0).unflatten(0, (5, 12))
    plot_strips({"": samples}).figure.savefig(options.folder / "digits-samples.png", dpi=100)
    draw_strips(model, images, options.folder / "digits-strips.png")
    calibration = pullback_calibration(as_latent_model(model), images)
    print(calibration.summary())
    plot_pullback_calibration(calibration).figure.savefig(options.folder / "digits-calibration.png", dpi=100)


if __name__ == "__main__":
    main()
