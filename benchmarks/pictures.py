"""Figures, made without pyplot: nothing global is set, and no window is needed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import imsave
from torch import Tensor

from .record import replace_file

__all__ = ["Layer", "mosaic", "sample_panels", "volume_map", "write_figure", "write_mosaic"]

GREY = "#5a5a5a"
FRAME_COLOR = "#d5dbe3"
FRAME = 1 / 8
"""Width of the lines between the images of a mosaic, as a share of an image's."""


def write_figure(figure: Figure, path: Path, *, dpi: int = 160) -> None:
    """Write a figure as PNG, whole or not at all."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=dpi)
    replace_file(path, content.getvalue())


def write_mosaic(images: Float[Tensor, "n channels height width"], path: Path, *, n_columns: int = 8) -> None:
    """Write images in [0, 1], of one channel or three, side by side as PNG, pixel by pixel with a gap of one."""
    n, _, height, width = images.shape
    n_rows = n // n_columns
    canvas = np.ones((n_rows * (height + 1) + 1, n_columns * (width + 1) + 1, 3))
    for index, image in enumerate(images[: n_rows * n_columns].clamp(0, 1).expand(-1, 3, -1, -1).numpy()):
        row, column = divmod(index, n_columns)
        top, left = 1 + row * (height + 1), 1 + column * (width + 1)
        canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    content = BytesIO()
    imsave(content, canvas, format="png")
    replace_file(path, content.getvalue())


def mosaic(
    images: Float[Tensor, "n 1 height width"], n_columns: int, *, zoom: int = 16
) -> Float[np.ndarray, "rows columns"]:
    """Images side by side, row by row, in whole rows only; each pixel a square of ``zoom``, NaN between images."""
    n_rows = len(images) // n_columns
    height, width = (zoom * size for size in images.shape[2:])
    gap = max(1, round(FRAME * width))
    canvas = np.full((n_rows * (height + gap) + gap, n_columns * (width + gap) + gap), np.nan)
    for index, image in enumerate(images[: n_rows * n_columns, 0].double().numpy()):
        row, column = divmod(index, n_columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        canvas[top : top + height, left : left + width] = np.kron(image, np.ones((zoom, zoom)))
    return canvas


def sample_panels(
    panels: Mapping[str, Float[Tensor, "n 1 height width"]],
    *,
    title: str,
    notes: Mapping[str, str] | None = None,
    n_images: int = 8,
    n_columns: int = 4,
) -> Figure:
    """Square mosaics of images in [0, 1], one for each name, dark on white.

    Args:
        panels: Images by the name that stands above them.
        title: Title of the figure.
        notes: A smaller line below a panel's name.
        n_images: Images along each side of a mosaic.
        n_columns: Mosaics in a row of the figure.

    Returns:
        The figure.
    """
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(2.75 * n_columns, 3.1 * n_rows + 0.4), layout="compressed")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    shades = colormaps["gray_r"].with_extremes(bad=FRAME_COLOR)
    figure.suptitle(title, fontsize=13, fontweight="bold")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flat
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, images) in zip(figure.axes, panels.items(), strict=False):
        axis.imshow(mosaic(images[: n_images**2], n_images), cmap=shades, vmin=0, vmax=1, interpolation="nearest")
        note = (notes or {}).get(name, "")
        axis.set_title(name, fontsize=11, pad=17 if notes else 6)
        axis.text(0.5, 1.02, note, transform=axis.transAxes, ha="center", va="bottom", fontsize=8.5, color=GREY)
    return figure


@dataclass(frozen=True)
class Layer:
    """Points on a map.

    Attributes:
        label: What the legend calls them; their number is added.
        points: Where they are, in latent units.
        style: Arguments of matplotlib's ``scatter``.
    """

    label: str
    points: Float[Tensor, "n 2"]
    style: dict[str, Any] = field(default_factory=dict)


def volume_map(
    log_volume: Callable[[Float[Tensor, "n 2"]], Float[Tensor, " n"]],
    layers: Sequence[Layer],
    *,
    title: str,
    color_range: int = 12,
    n_points: int = 300,
) -> Figure:
    """Map of log √det G over a two-dimensional latent space, with points on it.

    Args:
        log_volume: Log volume element in nats, of positions in the dtype of the first layer.
        layers: Points, drawn in this order; the map holds them all.
        title: Title of the figure.
        color_range: Nats between the brightest and the darkest colour; what is lower still is as dark.
        n_points: Grid points along the longer side.

    Returns:
        The figure.
    """
    x, y = _grid(torch.cat([layer.points.double() for layer in layers]), n_points)
    positions = torch.cartesian_prod(x, y).to(layers[0].points.dtype)
    values = log_volume(positions).double().view(len(x), len(y)).T.numpy()
    top = float(np.ceil(values.max()))
    levels = np.linspace(top - color_range, top, 4 * color_range + 1)
    # The palest colours stay unused: light points on them would not show.
    norm = Normalize(levels[0], levels[-1] + 0.2 * color_range)

    figure = Figure(figsize=(8.0, 7.4), layout="compressed")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    axis = figure.subplots()
    filled = axis.contourf(x.numpy(), y.numpy(), values, levels, cmap="magma", norm=norm, extend="min")
    for layer in layers:
        axis.scatter(*layer.points.T.numpy(), label=f"{layer.label} ({len(layer.points):,})", **layer.style)
    bar = figure.colorbar(filled, ax=axis, shrink=0.9, ticks=levels[::8])
    bar.set_label("log √det G, in nats")
    axis.set(xlabel="first latent coordinate", ylabel="second latent coordinate", aspect="equal")
    axis.set_title(title, fontsize=12, fontweight="bold", pad=10)
    _add_legend(figure)
    return figure


def _grid(
    points: Float[Tensor, "n 2"], n_points: int, margin: float = 0.06
) -> tuple[Float[Tensor, " columns"], Float[Tensor, " rows"]]:
    """Square cells over all points and a margin."""
    low, high = points.amin(0), points.amax(0)
    low, high = low - margin * (high - low), high + margin * (high - low)
    cell = (high - low).max() / n_points
    columns, rows = ((high - low) / cell).ceil().int().tolist()
    steps = torch.arange(max(columns, rows) + 1, dtype=torch.float64) * cell
    return low[0] + steps[: columns + 1], low[1] + steps[: rows + 1]


def _add_legend(figure: Figure) -> None:
    """A legend below the map, dark as the map is, so that light points show."""
    legend = figure.legend(
        loc="outside lower center", ncols=4, facecolor="#2a1a40", framealpha=1, edgecolor="none", labelcolor="white"
    )
    for handle in legend.legend_handles:
        handle.set_sizes([40])
