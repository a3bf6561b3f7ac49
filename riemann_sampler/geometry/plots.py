"""Pictures of a latent space and of paths through it, by matplotlib, which is imported when one is drawn.

Each function draws on the axes that it is given, or on new ones, and returns them: ``axes.figure.savefig("map.png")``
writes the picture. They use no pyplot: nothing global is set, and no window is needed.
"""

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import ArgumentError
from ..metric import Metric
from . import PullbackCalibration

if TYPE_CHECKING:
    import matplotlib.axes

__all__ = ["mosaic", "plot_latent_map", "plot_pullback_calibration", "plot_strips"]

COLORS = ("#35d0ff", "#ffffff", "#9dff6e", "#ffb347")
"""Of points and paths on the dark map, in turn."""

LEGEND: Final[dict[str, Any]] = {"facecolor": "#2a1a40", "framealpha": 1, "edgecolor": "none", "labelcolor": "white"}
"""A legend as dark as the map is, so that light points show."""

FRAME_COLOR = np.array((213, 219, 227)) / 255
FRAME = 1 / 8
"""Width of the lines between the images of a mosaic, as a share of an image's."""

LEAST_PIXELS = 64
"""Width at which images are drawn at the least, so that the lines between them are thin."""

N_DOTS = 4_000
"""Dots of a scatter plot at most; more only make the picture slow."""


def plot_latent_map(
    metric: Metric,
    *,
    points: Mapping[str, Float[Tensor, "_ 2"]] | None = None,
    paths: Mapping[str, Float[Tensor, "_ _ 2"]] | None = None,
    color_range: int = 12,
    n_grid: int = 300,
    axes: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """Map of log √det G over a two-dimensional latent space, with its centroids, and points and paths upon it.

    Args:
        metric: The metric, in two dimensions.
        points: Positions, each set by the name that the legend gives it.
        paths: Curves, each set likewise, as positions one after the other.
        color_range: Nats between the brightest and the darkest colour; what is lower still is as dark.
        n_grid: Grid points along the longer side.
        axes: Where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ArgumentError: If the latent space has not two dimensions, or matplotlib is missing.
    """
    if metric.dim != 2:
        msg = f"metric must have 2 dimensions to be drawn as a map, it has {metric.dim}."
        raise ArgumentError(msg)
    axes = _axes(axes, (8.0, 7.4))
    from matplotlib.collections import PathCollection

    points, paths = dict(points or {}), dict(paths or {})
    shown = [metric.centroids, *points.values(), *(curves.flatten(0, 1) for curves in paths.values())]
    _draw_volume(metric, torch.cat([part.detach().cpu().double() for part in shown]), color_range, n_grid, axes)

    label = f"centroids ({len(metric.centroids):,})"
    x, y = _numpy(metric.centroids).T
    axes.scatter(x, y, s=9, color="white", linewidths=0, alpha=0.8, label=label)
    colors = cycle(COLORS)
    for (name, curves), color in zip(paths.items(), colors, strict=False):
        label = f"{name} ({len(curves):,})"
        for curve in _numpy(curves):
            axes.plot(*curve.T, color=color, linewidth=1.5, label=label)
            label = "_"  # the legend has one line for all
    for (name, positions), color in zip(points.items(), colors, strict=False):
        label = f"{name} ({len(positions):,})"
        x, y = _numpy(positions).T
        axes.scatter(x, y, s=14, facecolors="none", edgecolors=color, linewidths=0.7, label=label)
    axes.set(xlabel="first latent coordinate", ylabel="second latent coordinate", aspect="equal")
    legend = axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), ncols=4, **LEGEND)
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([40])
    return axes


def plot_strips(
    images: Mapping[str, Float[Tensor, "paths frames channels height width"]],
    *,
    axes: "matplotlib.axes.Axes | None" = None,
) -> "matplotlib.axes.Axes":
    """Decoded paths as strips of images, those between the same ends below one another.

    Args:
        images: Images in [0, 1], grey (drawn dark on white) or RGB, along several paths; as many paths and frames
            under each name.
        axes: Where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ArgumentError: If the images are none, or not of one such shape, or matplotlib is missing.
    """
    shapes = {name: tuple(strips.shape) for name, strips in images.items()}
    shape = next(iter(shapes.values()), ())
    if set(shapes.values()) != {shape} or len(shape) != 5 or shape[2] not in (1, 3) or 0 in shape:
        msg = f"images must have one shape (paths, frames, 1 or 3, height, width) under every name, got {shapes}."
        raise ArgumentError(msg)
    n_paths, n_frames, _, height, width = shape
    zoom = -(-LEAST_PIXELS // width)
    groups = [mosaic(torch.cat([strips[i] for strips in images.values()]), n_frames, zoom=zoom) for i in range(n_paths)]
    space = np.ones((max(1, zoom * height // 4), *groups[0].shape[1:]))
    canvas = np.concatenate([part for group in groups for part in (group, space)][:-1])
    scale = 11 / canvas.shape[1]
    axes = _axes(axes, (11 + 1.5, scale * canvas.shape[0] + 0.3))
    axes.imshow(canvas, interpolation="nearest")
    axes.set_xticks([])
    gap = (len(groups[0]) - len(images) * zoom * height) / (len(images) + 1)
    tops = [(len(groups[0]) + len(space)) * i for i in range(n_paths)]
    middles = [gap + (zoom * height + gap) * j + zoom * height / 2 for j in range(len(images))]
    axes.set_yticks([top + middle for top in tops for middle in middles], [*images] * n_paths)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def plot_pullback_calibration(
    result: PullbackCalibration, *, axes: "matplotlib.axes.Axes | None" = None
) -> "matplotlib.axes.Axes":
    """Posterior precisions against those that the decoder's Jacobian predicts, for each active latent unit a colour.

    Args:
        result: What `pullback_calibration` found; at most 4,000 of its dots are drawn.
        axes: Where to draw; None makes a figure.

    Returns:
        The axes.

    Raises:
        ArgumentError: If no unit is active, or matplotlib is missing.
    """
    units = result.active.nonzero().flatten().tolist()
    if not units:
        msg = "result has no active latent unit, so there is nothing to compare."
        raise ArgumentError(msg)
    axes = _axes(axes, (6.4, 6.0))
    every = -(-result.precisions.shape[0] * len(units) // N_DOTS)
    predicted, found = (_numpy(part)[::every] for part in (result.predicted, result.precisions))
    for unit in units:
        axes.scatter(predicted[:, unit], found[:, unit], s=5, alpha=0.5, linewidths=0, label=f"unit {unit}")
    both = np.concatenate([predicted[:, units], found[:, units]])
    ends = (both.min(), both.max())
    axes.plot(ends, ends, color="black", linewidth=1, label="equal")
    axes.set(xscale="log", yscale="log", aspect="equal")
    axes.set(xlabel="precision that the decoder predicts", ylabel="precision of the posterior")
    axes.set_title(f"{len(units)} active units, correlation of logarithms {result.log_correlation:.3f}", fontsize=11)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, markerscale=2.5, frameon=False)
    return axes


def mosaic(
    images: Float[Tensor, "n channels height width"], n_columns: int, *, zoom: int = 16
) -> Float[np.ndarray, "rows columns 3"]:
    """Images in [0, 1] side by side as RGB, in whole rows only.

    Args:
        images: Images of one channel, which are turned dark on white, or of three.
        n_columns: Images in a row.
        zoom: Side of the square that each of their pixels becomes.

    Returns:
        The picture, with grey lines around every image.
    """
    n_rows = len(images) // n_columns
    height, width = (zoom * size for size in images.shape[2:])
    gap = max(1, round(FRAME * width))
    canvas = np.tile(FRAME_COLOR, (n_rows * (height + gap) + gap, n_columns * (width + gap) + gap, 1))
    pixels = _numpy(images[: n_rows * n_columns].clamp(0, 1))
    for index, image in enumerate(pixels if pixels.shape[1] == 3 else 1 - pixels):
        row, column = divmod(index, n_columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        canvas[top : top + height, left : left + width] = np.kron(image.transpose(1, 2, 0), np.ones((zoom, zoom, 1)))
    return canvas


def _axes(axes: "matplotlib.axes.Axes | None", size: tuple[float, float]) -> "matplotlib.axes.Axes":
    """The axes, or those of a new figure of this size in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        msg = 'Pictures need matplotlib: pip install "riemann-sampler[plot]".'
        raise ArgumentError(msg) from error
    return Figure(figsize=size, layout="compressed").subplots() if axes is None else axes


def _draw_volume(
    metric: Metric, within: Float[Tensor, "_ 2"], color_range: int, n_grid: int, axes: "matplotlib.axes.Axes"
) -> None:
    """Colours of the log volume around these positions, and their key."""
    from matplotlib.colors import Normalize

    x, y = _grid(within, n_grid)
    values = _numpy(metric.log_volume(torch.cartesian_prod(x, y).to(metric.centroids)))
    top = float(np.ceil(values.max()))
    levels = np.linspace(top - color_range, top, 4 * color_range + 1)
    # The palest colours stay unused: light points on them would not show.
    norm = Normalize(levels[0], levels[-1] + 0.2 * color_range)
    shades = values.reshape(len(x), len(y)).T
    filled = axes.contourf(x.numpy(), y.numpy(), shades, levels, cmap="magma", norm=norm, extend="min")
    bar = axes.figure.colorbar(filled, ax=axes, shrink=0.9, ticks=levels[::8])
    bar.set_label("log √det G, in nats")


def _grid(
    points: Float[Tensor, "n 2"], n_grid: int, margin: float = 0.06
) -> tuple[Float[Tensor, " columns"], Float[Tensor, " rows"]]:
    """Square cells over all points and a margin."""
    low, high = points.amin(0), points.amax(0)
    low, high = low - margin * (high - low), high + margin * (high - low)
    cell = (high - low).max() / n_grid
    columns, rows = ((high - low) / cell).ceil().int().tolist()
    steps = torch.arange(max(columns, rows) + 1, dtype=torch.float64) * cell
    return low[0] + steps[: columns + 1], low[1] + steps[: rows + 1]


def _numpy(values: Tensor) -> np.ndarray:
    return values.detach().cpu().double().numpy()
