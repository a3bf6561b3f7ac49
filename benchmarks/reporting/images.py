"""Figures, made without pyplot: nothing global is set, and no window is needed."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.image import imsave
from torch import Tensor

from riemann_sampler.geometry.plots import mosaic

from ..harness.provenance import replace_file

__all__ = ["sample_panels", "write_figure", "write_mosaic"]

GREY = "#5a5a5a"


def write_figure(figure: Figure, path: Path, *, dpi: int = 160) -> None:
    """Write a figure as PNG, whole or not at all."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=dpi)
    replace_file(path, content.getvalue())


def write_mosaic(images: Float[Tensor, "n channels height width"], path: Path, *, n_columns: int = 8) -> None:
    """Write images in [0, 1], of one channel or three, side by side as PNG, a pixel for each of theirs."""
    content = BytesIO()
    imsave(content, mosaic(images, n_columns, zoom=1), format="png")
    replace_file(path, content.getvalue())


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
    figure.suptitle(title, fontsize=13, fontweight="bold")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).flat
    for axis in axes:
        axis.set_axis_off()
    for axis, (name, images) in zip(figure.axes, panels.items(), strict=False):
        axis.imshow(mosaic(images[: n_images**2], n_images), interpolation="nearest")
        note = (notes or {}).get(name, "")
        axis.set_title(name, fontsize=11, pad=17 if notes else 6)
        axis.text(0.5, 1.02, note, transform=axis.transAxes, ha="center", va="bottom", fontsize=8.5, color=GREY)
    return figure
