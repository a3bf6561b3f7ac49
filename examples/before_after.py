"""The picture of the README: clothes (Fashion-MNIST) sampled from N(0, I), and by us from the same trained VAE.

Needs ``pip install "riemann-sampler[plot]"`` and the data set's IDX files, which Debian and Ubuntu install by ``apt-get
install dataset-fashion-mnist``; run it with ``python before_after.py --output before_after.png``.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from small_vae import train

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.geometry.plots import mosaic

SIDE = 8
"""Images along each side of a panel."""


def main() -> None:
    """Train, sample twice, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"), help="the IDX files")
    parser.add_argument("--output", type=Path, default=Path("before_after.png"), help="the picture")
    parser.add_argument("--images", type=int, default=20_000, help="training images")
    parser.add_argument("--steps", type=int, default=4_000, help="steps of the training")
    options = parser.parse_args()
    torch.manual_seed(0)
    content = gzip.decompress((options.data / "train-images-idx3-ubyte.gz").read_bytes())
    pixels = np.frombuffer(content, dtype=np.uint8, offset=16).reshape(-1, 1, 28, 28)[: options.images]
    images = torch.tensor(pixels, dtype=torch.float32) / 255
    vae = train(images, 16, n_steps=options.steps)

    with torch.no_grad():
        usual = vae.decode(torch.randn(SIDE**2, 16))
    ours = RiemannianUniformSampler.from_preset("local", vae).fit(images).sample(SIDE**2, seed=0)

    figure = Figure(figsize=(9, 4.75), layout="compressed")
    for axes, title, shown in zip(
        figure.subplots(1, 2), ("before: N(0, I)", "after: riemann_sampler"), (usual, ours), strict=True
    ):
        axes.imshow(mosaic(shown, SIDE, zoom=3), interpolation="nearest")
        axes.set_title(title)
        axes.set_axis_off()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.output, dpi=100)


if __name__ == "__main__":
    main()
