"""Labels beside the points of a plot, placed so that they hide little."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

__all__ = ["Box", "place_labels", "spread_apart"]

N_SWEEPS: Final = 4
DIRECTIONS: Final = tuple((math.cos(turn * math.pi / 6), math.sin(turn * math.pi / 6)) for turn in range(12))
DISTANCES: Final = (1.0, 2.5, 4.5, 7.0)
"""Gaps between point and label that are tried, in radii."""


FAR, HIDDEN, OUTSIDE = 2.0, 4.0, 10.0
"""Costs: of each step farther away, and of each unit of area that is hidden or out of bounds."""


class Box(NamedTuple):
    """A rectangle; y grows downwards."""

    left: float
    top: float
    width: float
    height: float

    def overlap(self, other: "Box") -> float:
        """Area in common."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        if width <= 0:
            return 0.0
        height = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return width * max(0.0, height)


def place_labels(
    anchors: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], bounds: Box, radius: float
) -> list[Box]:
    """Boxes near their points that overlap labels and points as little as a few greedy sweeps can find.

    Args:
        anchors: Where the points are.
        sizes: Width and height of each point's label.
        bounds: What the labels should stay within.
        radius: Radius of a point.

    Returns:
        A box for each point.
    """
    markers = [Box(x - radius, y - radius, 2 * radius, 2 * radius) for x, y in anchors]
    options = [_options(anchor, size, radius) for anchor, size in zip(anchors, sizes, strict=True)]
    fixed = [
        [
            FAR * rank + OUTSIDE * _outside(box, bounds) + HIDDEN * _hidden(box, markers)
            for rank, box in enumerate(found)
        ]
        for found in options
    ]
    placed = [found[0] for found in options]
    for _ in range(N_SWEEPS):
        for index, found in enumerate(options):
            others = placed[:index] + placed[index + 1 :]
            costs = [cost + HIDDEN * _hidden(box, others) for cost, box in zip(fixed[index], found, strict=True)]
            placed[index] = found[costs.index(min(costs))]
    return placed


def spread_apart(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions moved apart, in their order, until neighbours are a gap away from each other.

    Args:
        positions: Where labels want to be along a line.
        gap: Least distance between two.
        low: Least position.
        high: Largest position; exceeded only where there is no room.

    Returns:
        The moved positions.
    """
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    moved = [min(max(positions[index], low), high) for index in order]
    for before, after in pairwise(range(len(moved))):
        moved[after] = max(moved[after], moved[before] + gap)
    limit = max(high, low + gap * (len(moved) - 1))
    for index in reversed(range(len(moved))):
        moved[index] = min(moved[index], limit)
        limit = moved[index] - gap
    return [moved[order.index(index)] for index in range(len(positions))]


def _options(anchor: tuple[float, float], size: tuple[float, float], radius: float) -> list[Box]:
    """Boxes around a point, the nearest first, those to its right before others."""
    (x, y), (width, height) = anchor, size
    return [
        Box(
            x + (1 + distance) * radius * cos - width * (1 - cos) / 2,
            y + (1 + distance) * radius * sin - height * (1 - sin) / 2,
            width,
            height,
        )
        for distance in DISTANCES
        for cos, sin in sorted(DIRECTIONS, key=lambda direction: -direction[0])
    ]


def _outside(box: Box, bounds: Box) -> float:
    return box.width * box.height - box.overlap(bounds)


def _hidden(box: Box, others: Iterable[Box]) -> float:
    return sum(box.overlap(other) for other in others)
