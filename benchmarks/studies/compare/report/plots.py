"""Pictures of a comparison for the README and for slides, made without pyplot."""

from collections.abc import Iterable, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ....reporting.spreads import Spread
from .axes import Axis
from .label_placement import Box, place_labels, spread_apart
from .selection import CURVES, Curve, Point, curves, generated_rows, largest, main_rows, points, short
from .summary import Group

__all__ = ["curve_figure", "fidelity_novelty"]

STYLES: Final = {
    "baseline": ("usual baselines", "#7a5195", "o", 5.0),
    "native": ("the library's own samplers", "#1d63b8", "s", 5.0),
    "ours": ("ours", "#c2410c", "D", 5.5),
    "ceiling": ("ceilings", "#2f7d4f", "^", 6.0),
}
"""What the legend calls a kind, its colour, marker and size."""

DASHES: Final = ("-", (0, (5, 2)), (0, (1.2, 1.8)), (0, (6, 2, 1.2, 2)), (0, (3, 1.5)))
SOFT, GRID = "#5c636e", "#dcdfe4"
RADIUS, LETTER, LINE = 4.0, 4.8, 9.5
"""Sizes in points: radius of a marker, mean width of a letter, height of a line."""


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
        _draw_points(axis, found)
        axis.set_title(f"{group.dataset} ({group.n_train:,}), {group.model}", fontsize=10.5, fontweight="bold")
        axis.set_xlabel("authenticity: novel →", fontsize=9)
        axis.set_ylabel("Fréchet distance, log scale: faithful →", fontsize=9)
    kinds = [kind for kind in STYLES if any(point.kind == kind for _, found in panels for point in found)]
    handles = [_handle(kind) for kind in kinds]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=len(kinds) if len(panels) > 1 else 2,
        frameon=False,
        fontsize=9,
    )
    figure.draw_without_rendering()
    for axis, (group, found) in zip(axes, panels, strict=False):
        named = {row.sampler for row in main_rows(group)}
        _label_points(axis, found, named)
    return figure


def curve_figure(groups: Sequence[Group]) -> Figure:
    """Fidelity, coverage and novelty of the main samplers by the size of the training set, with their spreads.

    Args:
        groups: Groups of one data set and model.

    Returns:
        The figure.
    """
    figure = Figure(figsize=(12.6, 4.0), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.08)
    figure.suptitle(f"{groups[0].dataset}, {groups[0].model}: by the size of the training set", fontweight="bold")
    axes = figure.subplots(1, 3)
    drawn = []
    for axis, (key, label) in zip(axes, CURVES.items(), strict=True):
        is_log = key == "frechet_distance"
        found = curves(groups, key, is_log=is_log)
        if not found:
            axis.set_axis_off()
            continue
        _draw_curves(axis, found, [group.n_train for group in groups], is_log=is_log)
        axis.set_title(label, fontsize=10)
        axis.set_xlabel("training data", fontsize=9)
        drawn.append((axis, found))
    figure.draw_without_rendering()
    for axis, found in drawn:
        _label_curves(axis, found)
    return figure


def _handle(kind: str) -> Line2D:
    label, color, mark, size = STYLES[kind]
    return Line2D([], [], linestyle="none", marker=mark, color=color, markersize=size, label=label)


def _prepare(axis: Axes, x: Axis, y: Axis) -> None:
    """Limits, ticks and lines as the page has them."""
    for scale, set_scale, set_limits, ticks in (
        (x, axis.set_xscale, axis.set_xlim, axis.xaxis),
        (y, axis.set_yscale, axis.set_ylim, axis.yaxis),
    ):
        set_scale("log" if scale.is_log else "linear")
        set_limits(scale.start, scale.end)
        values = scale.ticks()
        ticks.set_major_locator(FixedLocator(list(values)))
        ticks.set_minor_locator(NullLocator())
        ticks.set_ticklabels(list(values.values()))
    axis.grid(color=GRID, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=8.5, labelcolor=SOFT)


def _draw_points(axis: Axes, found: Sequence[Point]) -> None:
    x = Axis.over(point.x for point in found)
    y = Axis.over((point.y for point in found), is_log=True, is_reversed=True)
    _prepare(axis, x, y)
    for point in found:
        _, color, mark, size = STYLES[point.kind]
        axis.errorbar(
            point.x.mean, point.y.mean, point.y.sd, point.x.sd, mark, color=color, markersize=size, mec="white", mew=0.6
        )


def _label_points(axis: Axes, found: Sequence[Point], named: set[str]) -> None:
    """Names beside the points that have a part of their own; the others are markers to keep clear of."""
    scale = 72 / axis.figure.dpi  # all in points, y downwards
    height = axis.figure.bbox.height
    anchors = [
        (across * scale, (height - up) * scale)
        for across, up in axis.transData.transform([(point.x.mean, point.y.mean) for point in found])
    ]
    names = [short(point.sampler) if point.sampler in named else "" for point in found]
    sizes = [(LETTER * len(name), LINE) if name else (0.0, 0.0) for name in names]
    box = axis.bbox
    bounds = Box(box.x0 * scale, (height - box.y1) * scale, box.width * scale, box.height * scale)
    boxes = place_labels(anchors, sizes, bounds, RADIUS)
    for name, point, anchor, label in zip(names, found, anchors, boxes, strict=True):
        if name:
            offset = label.left - anchor[0], anchor[1] - label.top - label.height / 2
            is_beside = -label.width < offset[0] <= 2 * RADIUS and abs(offset[1]) < 3 * RADIUS
            _annotate(axis, point, (point.x.mean, point.y.mean), offset, with_line=not is_beside)


def _draw_curves(axis: Axes, found: Sequence[Curve], sizes: Sequence[int], *, is_log: bool) -> None:
    x = Axis.over((Spread(size, None, 1) for size in sizes), is_log=True)
    y = Axis.over((figure for curve in found for figure in curve.figures.values()), is_log=is_log)
    _prepare(axis, x, y)
    axis.xaxis.set_major_locator(FixedLocator(sizes))
    axis.set_xticklabels([f"{size:,}" for size in sizes])
    for curve in found:
        _, color, mark, size = STYLES[curve.kind]
        at, spreads = list(curve.figures), list(curve.figures.values())
        style = DASHES[curve.rank % len(DASHES)]
        axis.plot(at, [each.mean for each in spreads], color=color, marker=mark, markersize=size - 1, linestyle=style)
        low, high = zip(*((each.mean - (each.sd or 0), each.mean + (each.sd or 0)) for each in spreads), strict=True)
        axis.fill_between(at, low, high, color=color, alpha=0.12, linewidth=0)


def _label_curves(axis: Axes, found: Sequence[Curve]) -> None:
    """Names at the right ends of curves."""
    ends = [(size, figure.mean) for size, figure in (list(curve.figures.items())[-1] for curve in found)]
    scale = 72 / axis.figure.dpi
    heights = [float(axis.transData.transform(end)[1]) * scale for end in ends]
    targets = spread_apart(heights, LINE, axis.bbox.y0 * scale, axis.bbox.y1 * scale)
    for curve, end, height, target in zip(found, ends, heights, targets, strict=True):
        _annotate(axis, curve, end, (5 * RADIUS, target - height), with_line=True)


def _annotate(
    axis: Axes, shown: Point | Curve, at: tuple[float, float], offset: tuple[float, float], *, with_line: bool
) -> None:
    """The name of a sampler, in its kind's colour, its left end this many points away from a place in the plot."""
    line = {"arrowstyle": "-", "color": SOFT, "linewidth": 0.5, "relpos": (0, 0.5), "shrinkA": 1, "shrinkB": RADIUS}
    axis.annotate(
        short(shown.sampler),
        at,
        offset,
        textcoords="offset points",
        arrowprops=line if with_line else None,
        va="center",
        color=STYLES[shown.kind][1],
        fontsize=8,
        fontweight="bold" if shown.kind == "ours" else "normal",
        annotation_clip=False,
    )
