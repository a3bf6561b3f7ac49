"""What plots of a comparison are drawn with: samplers as points or curves, and their names beside them."""

from collections.abc import Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from ....reporting.spreads import Spread
from .label_placement import Box, place_labels, spread_apart
from .selection import Curve, Point, short

__all__ = ["STYLES", "draw_curves", "draw_points", "handle", "label_curves", "label_points"]

STYLES: Final = {
    "baseline": ("usual baselines", "#7a5195", "o", 5.0),
    "native": ("the library's own samplers", "#1d63b8", "s", 5.0),
    "own": ("your own samplers", "#0f766e", "P", 6.5),
    "ours": ("ours", "#c2410c", "D", 5.5),
    "ceiling": ("ceilings", "#2f7d4f", "^", 6.0),
}
"""What the legend calls a kind, its colour, marker and size."""

DASHES: Final = ("-", (0, (5, 2)), (0, (1.2, 1.8)), (0, (6, 2, 1.2, 2)), (0, (3, 1.5)))
SOFT, GRID = "#5c636e", "#dcdfe4"
RADIUS, LETTER, LINE = 4.0, 4.8, 9.5
"""Sizes in points: radius of a marker, mean width of a letter, height of a line."""


def handle(kind: str) -> Line2D:
    """A kind's marker and name, for a legend."""
    label, color, mark, size = STYLES[kind]
    return Line2D([], [], color=color, marker=mark, markersize=size, linestyle="none", label=label)


def _prepare(axis: Axes, *, is_log: bool) -> None:
    """Scale and ticks of the vertical axis, and lines."""
    if is_log:
        axis.set_yscale("log")
    axis.grid(color=GRID, linewidth=0.7)
    axis.set_axisbelow(True)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelsize=8.5, labelcolor=SOFT)


def _set_ticks(axis: Axes) -> None:
    """Round values along the vertical axis, which is logarithmic, few of them over several decades."""
    low, high = sorted(axis.get_ylim())
    steps = LogLocator(subs=(1, 2, 5) if high < 1_000 * low else (1,))
    axis.yaxis.set_major_locator(steps if high > 10 * low else MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axis.yaxis.set_minor_locator(NullLocator())


def _interval(figure: Spread, *, is_log: bool) -> tuple[float, float]:
    """Lengths of the spread below and above a mean; on a logarithmic axis, down to its half at the most."""
    spread = figure.sd or 0.0
    return (min(spread, figure.mean / 2) if is_log else spread), spread


def draw_points(axis: Axes, found: Sequence[Point], labels: tuple[str, str], *, is_log: bool) -> None:
    """Samplers by two figures, with their spreads; a distance, which is logarithmic, decreases upwards."""
    _prepare(axis, is_log=is_log)
    for point in found:
        _, color, mark, size = STYLES[point.kind]
        x, y = _interval(point.x, is_log=False), _interval(point.y, is_log=is_log)
        axis.errorbar(
            *(point.x.mean, point.y.mean, [[y[0]], [y[1]]], [[x[0]], [x[1]]], mark),
            color=color,
            markersize=size,
            mec="white",
            mew=0.6,
        )
    axis.margins(0.07)
    if is_log:
        _set_ticks(axis)
        axis.invert_yaxis()
    axis.autoscale_view()  # labels are placed before anything is drawn
    axis.set_xlabel(labels[0], fontsize=9)
    axis.set_ylabel(labels[1], fontsize=9)


def label_points(axis: Axes, found: Sequence[Point], named: set[str]) -> None:
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


def draw_curves(axis: Axes, found: Sequence[Curve], sizes: Sequence[int], *, is_log: bool) -> None:
    """Curves over the sizes, with bands of one standard deviation on either side."""
    _prepare(axis, is_log=is_log)
    axis.set_xscale("log")
    for curve in found:
        _, color, mark, size = STYLES[curve.kind]
        at, spreads = list(curve.figures), list(curve.figures.values())
        style = DASHES[curve.rank % len(DASHES)]
        axis.plot(at, [each.mean for each in spreads], color=color, marker=mark, markersize=size - 1, linestyle=style)
        ends = [_interval(each, is_log=is_log) for each in spreads]
        low, high = zip(
            *((each.mean - a, each.mean + b) for each, (a, b) in zip(spreads, ends, strict=True)), strict=True
        )
        axis.fill_between(at, low, high, color=color, alpha=0.12, linewidth=0)
    axis.margins(0.06)
    if is_log:
        _set_ticks(axis)
    axis.autoscale_view()  # labels are placed before anything is drawn
    axis.xaxis.set_major_locator(FixedLocator(sizes))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticklabels([f"{size:,}" for size in sizes])


def label_curves(axis: Axes, found: Sequence[Curve]) -> None:
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
