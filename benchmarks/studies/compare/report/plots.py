"""Plots of a comparison, for its page, the README and slides; drawn by matplotlib without pyplot."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .drawing import STYLES, draw_curves, draw_points, handle, label_curves, label_points
from .selection import CURVES, Point, curves, generated_rows, largest, main_rows, points
from .summary import Group

__all__ = ["as_svg", "curve_figure", "curve_plot", "fidelity_novelty", "novelty_plot", "recall_plot"]

NARROW: Final = 4.4
"""Width in inches of plots that stay legible on a telephone."""

DISTANCE_LABEL: Final = "Fréchet distance, log scale: faithful →"


def novelty_plot(group: Group) -> Figure | None:
    """Fréchet distance by authenticity; None where no sampler has both."""
    found = points(generated_rows(group), "authenticity", "frechet_distance", y_is_log=True)
    return _point_plot(found, ("authenticity: novel →", DISTANCE_LABEL), is_log=True) if found else None


def recall_plot(group: Group) -> Figure | None:
    """Precision by recall; None where no sampler has both."""
    found = points(group.rows, "recall", "precision")
    return _point_plot(found, ("recall →", "precision →"), is_log=False) if found else None


def curve_plot(groups: Sequence[Group], key: str) -> Figure | None:
    """A figure of the main samplers by the size of the training set; None where none has it."""
    if not curves(groups, key, is_log=_is_log(key)):
        return None
    figure = Figure(figsize=(NARROW, 3.2))
    figure.subplots_adjust(left=0.12, right=0.68, bottom=0.14, top=0.92)
    _curves_on(figure, [figure.subplots()], groups, {key: CURVES[key]})
    return figure


def fidelity_novelty(groups: Iterable[Group]) -> Figure | None:
    """Fréchet distance by authenticity, a panel for each data set and model at its largest training set.

    Args:
        groups: Groups of a summary.

    Returns:
        The figure; None where no sampler has both figures.
    """
    panels = [
        (group, found)
        for group in largest(groups)
        if (found := points(generated_rows(group), "authenticity", "frechet_distance", y_is_log=True))
    ]
    if not panels:
        return None
    n_columns = 2 if len(panels) == 4 else min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = Figure(figsize=(4.3 * n_columns, 3.7 * n_rows + 0.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    axes = list(figure.subplots(n_rows, n_columns, squeeze=False).flat)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for axis, (group, found) in zip(axes, panels, strict=False):
        draw_points(axis, found, ("authenticity: novel →", DISTANCE_LABEL), is_log=True)
        axis.set_title(f"{group.dataset} ({group.n_train:,}), {group.model}", fontsize=10.5, fontweight="bold")
    kinds = [kind for kind in STYLES if any(point.kind == kind for _, found in panels for point in found)]
    figure.legend(
        handles=[handle(kind) for kind in kinds],
        loc="outside lower center",
        ncols=len(kinds) if len(panels) > 1 else 2,
        frameon=False,
        fontsize=9,
    )
    figure.draw_without_rendering()
    for axis, (group, found) in zip(axes, panels, strict=False):
        label_points(axis, found, {row.sampler for row in main_rows(group)})
    return figure


def curve_figure(groups: Sequence[Group]) -> Figure:
    """Fidelity, coverage and novelty of the main samplers by the size of the training set, with their spreads.

    Args:
        groups: Groups of one data set and model, by size.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(12.6, 4.0), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    figure.suptitle(f"{groups[0].dataset}, {groups[0].model}: by the size of the training set", fontweight="bold")
    _curves_on(figure, figure.subplots(1, len(CURVES)), groups, CURVES)
    return figure


def as_svg(figure: Figure) -> str:
    """A figure as SVG, the same for the same figure."""
    content = StringIO()
    with mpl.rc_context({"svg.hashsalt": "riemann_sampler"}):
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def _is_log(key: str) -> bool:
    return key == "frechet_distance"


def _point_plot(found: Sequence[Point], labels: tuple[str, str], *, is_log: bool) -> Figure:
    figure = Figure(figsize=(NARROW, 4.2))
    figure.subplots_adjust(left=0.14, right=0.98, bottom=0.12, top=0.98)
    axis = figure.subplots()
    draw_points(axis, found, labels, is_log=is_log)
    label_points(axis, found, {point.sampler for point in found})
    return figure


def _curves_on(figure: Figure, axes: Iterable[Axes], groups: Sequence[Group], keys: Mapping[str, str]) -> None:
    """Draw a figure of each key, the names at the right ends of its curves."""
    drawn = []
    for axis, (key, label) in zip(axes, keys.items(), strict=True):
        found = curves(groups, key, is_log=_is_log(key))
        if not found:
            axis.set_axis_off()
            continue
        draw_curves(axis, found, [group.n_train for group in groups], is_log=_is_log(key))
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("training data", fontsize=9)
        drawn.append((axis, found))
    if drawn and figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
    for axis, found in drawn:
        label_curves(axis, found)
