"""Pictures of the first pairs: none is chosen for its looks."""

from collections.abc import Mapping
from typing import Final

from matplotlib.figure import Figure

from riemann_sampler.geometry.plots import plot_latent_map, plot_strips

from .bench import Bench
from .methods import METHODS, OURS, STRAIGHT

__all__ = ["map_picture", "strips_picture"]

N_STRIPS, N_FRAMES, N_CURVES, N_POINTS = 3, 12, 12, 64
SHOWN: Final = (OURS, STRAIGHT)


def strips_picture(benches: Mapping[str, Bench]) -> Figure:
    """Decoded paths of ours beside straight ones between the first pairs, for each data set."""
    figure = Figure(figsize=(10, 4.3 * len(benches)), layout="compressed")
    for axes, (data, bench) in zip(figure.subplots(len(benches), squeeze=False).flat, benches.items(), strict=True):
        images = {
            name: bench.judge.frames(bench.join(METHODS[name], N_FRAMES, n_pairs=N_STRIPS).points) for name in SHOWN
        }
        plot_strips(images, axes=axes)
        axes.set_title(f"{data}, d = {bench.metric.dim}: the first pairs of held-out codes", fontsize=11)
    return figure


def map_picture(bench: Bench) -> Figure:
    """Paths between the first pairs over the volume of a two-dimensional latent space."""
    paths = {name: bench.join(METHODS[name], N_POINTS, n_pairs=N_CURVES).points for name in SHOWN}
    axes = plot_latent_map(bench.path_metric, paths=paths)
    axes.set_title("Paths between the first pairs of held-out codes", fontsize=12, fontweight="bold", pad=10)
    return axes.figure
