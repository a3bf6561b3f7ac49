"""Ways to join two codes."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from riemann_sampler.geometry import (
    ConformalMetric,
    InverseMetric,
    divide,
    geodesic,
    interpolate,
    polylines,
    spherical,
    straight,
    widen,
)
from riemann_sampler.metric import Metric

__all__ = ["METHODS", "OURS", "STRAIGHT", "Joined", "Method", "study_methods"]

Codes: TypeAlias = Float[Tensor, "n dim"]

OURS: Final = "ours"
STRAIGHT: Final = "straight"

EXPONENTS: Final = {"1/d": 1.0, "2/d": 2.0, "4/d": 4.0, "1": None}
"""Exponents of the study, by what they are called: so many over the dimension, or 1."""

SCALES: Final = (1.0, 2.0, 3.0, 4.0)
"""Island scales of the study."""


class Joined(NamedTuple):
    """Paths, one for each pair of codes.

    Attributes:
        points: Positions along each, ends included, equally far from one another unless the method's speed is another.
        converged: Whether the search for each reached a minimum; None of lines that are not searched for.
    """

    points: Float[Tensor, "n n_points dim"]
    converged: Bool[Tensor, " n"] | None = None


Method: TypeAlias = Callable[[Metric, Codes, Codes, int], Joined]
"""Joins each a to its b by so many points; it is given a fitted metric of any temperature."""


def _line(line: Callable[[Codes, Codes, int], Tensor], metric: Metric, a: Codes, b: Codes, n_points: int) -> Joined:  # noqa: ARG001 - no line asks for it
    return Joined(line(a, b, n_points))


def _over_graph(metric: Metric, a: Codes, b: Codes, n_points: int) -> Joined:
    element = ConformalMetric(widen(metric))
    parts = []
    for corners in polylines(element, metric.centroids, a, b):
        polyline = a.new_tensor(corners)[None]
        parts.append(divide(polyline, polyline.diff(dim=1).norm(dim=2), n_points))
    return Joined(torch.cat(parts))


def _ours(metric: Metric, a: Codes, b: Codes, n_points: int) -> Joined:
    found = interpolate(widen(metric), a, b, n_points=n_points)
    return Joined(found.points, found.converged)


def _variant(factor: float | None, scale: float, metric: Metric, a: Codes, b: Codes, n_points: int) -> Joined:
    """Ours with an exponent, ``factor`` over the dimension or 1, and an island scale."""
    exponent = 1.0 if factor is None else factor / metric.dim
    found = interpolate(widen(metric, scale), a, b, n_points=n_points, exponent=exponent)
    return Joined(found.points, found.converged)


def _inverse(metric: Metric, a: Codes, b: Codes, n_points: int) -> Joined:
    found = geodesic(InverseMetric(widen(metric)), a, b, n_points=n_points)
    return Joined(found.points, found.converged)


METHODS: Final[Mapping[str, Method]] = {
    STRAIGHT: partial(_line, straight),
    "spherical": partial(_line, spherical),
    "graph, unrefined": _over_graph,
    OURS: _ours,
    "geodesic of G⁻¹": _inverse,
}
"""What is compared, by name."""


def study_methods() -> dict[str, Method]:
    """Straight lines, and ours with each exponent and island scale."""
    variants = {
        f"exponent {name}, scale {scale:g}": partial(_variant, factor, scale)
        for name, factor in EXPONENTS.items()
        for scale in SCALES
    }
    return {STRAIGHT: METHODS[STRAIGHT], **variants}
