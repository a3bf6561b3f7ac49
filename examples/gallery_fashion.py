"""A gallery of clothes (Fashion-MNIST): samples of each class, and paths from one to another.

Needs ``pip install "riemann-sampler[plot]"`` and the data set's IDX files, which Debian and Ubuntu install by ``apt-get
install dataset-fashion-mnist``; run it with ``python gallery_fashion.py --folder gallery``.
"""

import argparse
from pathlib import Path

import torch
from small_vae import train
from torch import Tensor

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.files import read_array
from riemann_sampler.geometry.plots import plot_strips

CLASSES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


def read(folder: Path, n: int) -> tuple[Tensor, list[str]]:
    """The first images, in [0, 1], and the names of their classes."""
    images = read_array(folder / "train-images-idx3-ubyte.gz")[:n]
    labels = read_array(folder / "train-labels-idx1-ubyte.gz")[:n]
    return torch.tensor(images, dtype=torch.float32)[:, None] / 255, [CLASSES[label] for label in labels]


def main() -> None:
    """Train, fit, draw two pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), help="the IDX files")
    parser.add_argument("--folder", type=Path, default=Path("gallery"), help="where the pictures go")
    parser.add_argument("--images", type=int, default=10_000, help="training images")
    parser.add_argument("--steps", type=int, default=3_000, help="steps of the training")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    images, labels = read(options.data, options.images)
    model = train(images, 16, n_steps=options.steps)

    by_class = RiemannianUniformSampler.from_preset("local", model).fit(images, labels)
    samples = {name: by_class.sample(12, label=name, seed=0)[None] for name in CLASSES}
    plot_strips(samples).figure.savefig(options.folder / "fashion-samples.png", dpi=100)

    sampler = RiemannianUniformSampler(model).fit(images)
    ends = [labels.index(name) for name in ("T-shirt", "coat", "dress", "sandal", "boot", "bag")]
    paths = sampler.interpolate(images[ends[0::2]], images[ends[1::2]], n_points=12)
    names = [f"{labels[a]} to {labels[b]}" for a, b in zip(ends[0::2], ends[1::2], strict=True)]
    strips = {name: path[None] for name, path in zip(names, paths, strict=True)}
    plot_strips(strips).figure.savefig(options.folder / "fashion-paths.png", dpi=100)


if __name__ == "__main__":
    main()
