"""Plots as SVG that takes its colours from the page, by the classes of ``report.css``."""

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from ....reporting.spreads import Spread
from .axes import Axis
from .label_placement import Box, place_labels, spread_apart
from .selection import Curve, Point, short

__all__ = ["MARKERS", "curve_plot", "marker", "point_plot"]

MARKERS: Final = {
    "baseline": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "native": "M-3.6-3.6h7.2v7.2h-7.2z",
    "ours": "M0-5.4L5.4 0 0 5.4-5.4 0z",
    "ceiling": "M0-5L4.8 3.6h-9.6z",
}
"""Paths around the origin, one for each kind of sampler."""

RADIUS: Final = 6.0
LETTER: Final = 6.3
"""Mean width of a letter of labels."""

LINE: Final = 14.0
DASHES: Final = ("none", "7 3", "2 3", "9 3 2 3", "4 2")


def marker(kind: str, x: float = 0.0, y: float = 0.0) -> str:
    """The marker of a kind of sampler."""
    return f'<path class="marker {kind}" d="{MARKERS[kind]}" transform="translate({x:.1f} {y:.1f})"/>'


def point_plot(points: Sequence[Point], x: Axis, y: Axis, *, labels: tuple[str, str], title: str) -> str:
    """Samplers by two figures, with their spreads.

    Args:
        points: The samplers.
        x: Horizontal axis.
        y: Vertical axis.
        labels: What both axes show.
        title: What the plot shows, for those who do not see it.

    Returns:
        An SVG element.
    """
    frame = Box(56, 12, 484, 360)
    bars, marks, anchors = [], [], []
    for point in points:
        left, top = _at(frame, x.place(point.x.mean), y.place(point.y.mean))
        anchors.append((left, top))
        bars.append(_error_bars(frame, x, y, point))
        figures = f"{point.sampler}: {point.x.mean:.4g}, {point.y.mean:.4g}"
        marks.append(f"<g><title>{escape(figures)}</title>{marker(point.kind, left, top)}</g>")
    names = [short(point.sampler) for point in points]
    boxes = place_labels(anchors, [(LETTER * len(name) + 2, LINE) for name in names], frame, RADIUS)
    texts = [
        _leader(anchor, box) + f'<text class="label {point.kind}" x="{box.left + 1:.1f}" y="{box.top + 11:.1f}">'
        f"{escape(name)}</text>"
        for name, point, anchor, box in zip(names, points, anchors, boxes, strict=True)
    ]
    return _svg((560, 424), title, [_frame(frame, x, y, labels), *bars, *texts, *marks])


def curve_plot(curves: Sequence[Curve], x: Axis, y: Axis, *, labels: tuple[str, str], title: str) -> str:
    """Samplers by the size of the training set; bands are one standard deviation wide on either side.

    Args:
        curves: The samplers.
        x: Axis of sizes, whose ticks are the sizes themselves.
        y: Axis of the figure.
        labels: What both axes show.
        title: What the plot shows, for those who do not see it.

    Returns:
        An SVG element.
    """
    frame = Box(52, 12, 236, 250)
    bands, lines, last = [], [], []
    for curve in curves:
        ends = [_at(frame, x.place(size), y.place(figure.mean)) for size, figure in curve.figures.items()]
        dash = f'stroke-dasharray="{DASHES[curve.rank % len(DASHES)]}"'
        bands.append(_band(frame, x, y, curve))
        lines.append(f'<polyline class="curve {curve.kind}" points="{_pairs(ends)}" {dash}/>')
        lines += [marker(curve.kind, *end) for end in ends]
        last.append(ends[-1])
    heights = spread_apart([top for _, top in last], LINE - 1, frame.top + 4, frame.top + frame.height)
    right = frame.left + frame.width + 8
    texts = [
        f'<path class="leader" d="M{end + RADIUS:.1f} {top:.1f}L{right:.1f} {height:.1f}"/>'
        f'<text class="label {curve.kind}" x="{right + 3:.1f}" y="{height + 4:.1f}">'
        f"{escape(short(curve.sampler))}</text>"
        for curve, (end, top), height in zip(curves, last, heights, strict=True)
    ]
    sizes = {float(size): f"{size:,}" for size in sorted({size for curve in curves for size in curve.figures})}
    return _svg((426, 314), title, [_frame(frame, x, y, labels, sizes), *bands, *lines, *texts])


def _svg(size: tuple[int, int], title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _at(frame: Box, across: float, up: float) -> tuple[float, float]:
    return frame.left + across * frame.width, frame.top + (1 - up) * frame.height


def _frame(frame: Box, x: Axis, y: Axis, labels: tuple[str, str], x_ticks: dict[float, str] | None = None) -> str:
    left, bottom = frame.left, frame.top + frame.height
    parts = []
    for value, text in (x_ticks or x.ticks()).items():
        at = _at(frame, x.place(value), 0)[0]
        parts.append(f'<path class="grid" d="M{at:.1f} {frame.top}V{bottom}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>')
    for value, text in y.ticks().items():
        at = _at(frame, 0, y.place(value))[1]
        parts.append(f'<path class="grid" d="M{left} {at:.1f}H{left + frame.width}"/>')
        parts.append(f'<text class="tick" x="{left - 7}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    middle = frame.top + frame.height / 2
    across, up = map(escape, labels)
    parts.append(
        f'<text class="axis" x="{left + frame.width / 2}" y="{bottom + 38}" text-anchor="middle">{across}</text>'
        f'<text class="axis" transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">{up}</text>'
    )
    return "".join(parts)


def _ends(axis: Axis, figure: Spread) -> tuple[float, float]:
    spread = figure.sd or 0.0
    return axis.place(figure.mean - spread), axis.place(figure.mean + spread)


def _error_bars(frame: Box, x: Axis, y: Axis, point: Point) -> str:
    across, up = x.place(point.x.mean), y.place(point.y.mean)
    (left, here), (right, _) = (_at(frame, end, up) for end in _ends(x, point.x))
    (there, first), (_, last) = (_at(frame, across, end) for end in _ends(y, point.y))
    return (
        f'<path class="spread {point.kind}" d="M{left:.1f} {here:.1f}H{right:.1f}M{there:.1f} {first:.1f}V{last:.1f}"/>'
    )


def _band(frame: Box, x: Axis, y: Axis, curve: Curve) -> str:
    ends = [(x.place(size), _ends(y, figure)) for size, figure in curve.figures.items()]
    outline = [_at(frame, across, high) for across, (_, high) in ends]
    outline += [_at(frame, across, low) for across, (low, _) in reversed(ends)]
    return f'<polygon class="band {curve.kind}" points="{_pairs(outline)}"/>'


def _leader(anchor: tuple[float, float], box: Box) -> str:
    """A line from a point to its label, where that is not right beside it."""
    x = min(max(anchor[0], box.left), box.left + box.width)
    y = min(max(anchor[1], box.top + 2), box.top + box.height - 2)
    length = math.dist(anchor, (x, y))
    if length < 2.5 * RADIUS:
        return ""
    return f'<path class="leader" d="M{anchor[0]:.1f} {anchor[1]:.1f}L{x:.1f} {y:.1f}"/>'


def _pairs(positions: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{left:.1f},{top:.1f}" for left, top in positions)
