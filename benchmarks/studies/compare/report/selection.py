"""Which figures a plot or a compact table shows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ....reporting.spreads import Spread
from .summary import PRIOR, REAL, RECONSTRUCTIONS, Group, Row

__all__ = ["CURVES", "Curve", "Point", "curves", "generated_rows", "largest", "main_rows", "points", "short", "studies"]

CURVES: Final = {
    "frechet_distance": "Fréchet distance, log scale",
    "coverage": "coverage",
    "authenticity": "authenticity",
}
"""Figures that are shown by the size of the training set; the first on a logarithmic axis."""

MAIN_BASELINES: Final = (PRIOR, "GMM-10", "aggregate posterior")


class Point(NamedTuple):
    """A sampler in a plot of two figures."""

    sampler: str
    kind: str
    x: Spread
    y: Spread


class Curve(NamedTuple):
    """A figure of a sampler by the size of the training set, the ``rank``-th curve of its kind."""

    sampler: str
    kind: str
    rank: int
    figures: dict[int, Spread]


def short(sampler: str) -> str:
    """Name of a sampler in a plot, whose marker tells its kind."""
    return sampler.removeprefix("ours: ").removeprefix("pythae: ")


def main_rows(group: Group) -> list[Row]:
    """The rows that matter first: usual baselines, the best native sampler, the user's, ours, and reconstructions."""
    best = group.best("native")
    names = {*MAIN_BASELINES, RECONSTRUCTIONS} | ({best.sampler} if best else set())
    return [row for row in group.rows if row.kind in ("own", "ours") or row.sampler in names]


def generated_rows(group: Group) -> list[Row]:
    """All rows but the training data's own, whose Fréchet distance is so low that the others would crowd together."""
    return [row for row in group.rows if row.sampler != REAL]


def studies(groups: Iterable[Group]) -> dict[tuple[str, str], list[Group]]:
    """Groups of each data set and model, by the size of the training set."""
    found: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: group[:3]):
        found[group.dataset, group.model].append(group)
    return {identity: found[identity] for identity in sorted(found)}


def largest(groups: Iterable[Group]) -> list[Group]:
    """Of each data set and model the group with most training data."""
    return [found[-1] for found in studies(groups).values()]


def points(rows: Iterable[Row], x: str, y: str, *, y_is_log: bool = False) -> list[Point]:
    """Rows that have both figures; the second above 0 where it is shown on a logarithmic axis."""
    shown = (row for row in rows if x in row.figures and y in row.figures)
    found = [Point(row.sampler, row.kind, row.figures[x], row.figures[y]) for row in shown]
    return [point for point in found if point.y.mean > 0 or not y_is_log]


def curves(groups: Sequence[Group], key: str, *, is_log: bool = False) -> list[Curve]:
    """A figure at each size of a study, on a logarithmic axis where it is above 0.

    Args:
        groups: The study's groups by size.
        key: Key of the figure.
        is_log: Whether it is shown on a logarithmic axis.

    Returns:
        Curves of the main samplers of the largest training set.
    """
    found: list[Curve] = []
    for row in main_rows(groups[-1]):
        rows = {group.n_train: group.row(row.sampler) for group in groups}
        figures = {size: other.figures[key] for size, other in rows.items() if other and key in other.figures}
        figures = {size: figure for size, figure in figures.items() if figure.mean > 0 or not is_log}
        rank = sum(curve.kind == row.kind for curve in found)
        found += [Curve(row.sampler, row.kind, rank, figures)] if figures else []
    return found
