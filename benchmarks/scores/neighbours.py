"""Precision, recall, density and coverage: generated and real points in the balls of each other.

A point's ball has for its radius the distance to its k-th nearest neighbour within its own set; k is 5 as in the
experiments of Naeem et al. All four depend on the numbers of points: compare equal numbers only.
"""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float

from .distances import Balls, as_points, squared_distances

__all__ = ["NEIGHBOUR", "NeighbourScores", "compare", "coverage", "density", "precision", "recall"]

NEIGHBOUR = 5
"""Number of the neighbour that a ball reaches to, unless another is asked for."""


class NeighbourScores(NamedTuple):
    """What one pass over the distances between real and generated points gives; see the functions of these names."""

    precision: float
    recall: float
    density: float
    coverage: float


def compare(real: Balls, generated: Balls) -> NeighbourScores:
    """The four scores of generated points, from the balls of both sets."""
    n_balls = torch.empty(len(generated.points), dtype=torch.int64)
    to_generated = torch.full_like(real.squared_radii, torch.inf)  # from each real point to the nearest generated one,
    to_sphere = to_generated.clone()  # and to the nearest sphere around one: negative inside
    for rows, squared in squared_distances(generated.points, real.points):
        n_balls[rows] = (squared < real.squared_radii).sum(1)
        to_generated = torch.minimum(to_generated, squared.amin(0))
        to_sphere = torch.minimum(to_sphere, squared.sub_(generated.squared_radii[rows, None]).amin(0))
    return NeighbourScores(
        precision=(n_balls > 0).double().mean().item(),
        recall=(to_sphere < 0).double().mean().item(),
        density=n_balls.double().mean().item() / real.k,
        coverage=(to_generated < real.squared_radii).double().mean().item(),
    )


def precision(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = NEIGHBOUR
) -> float:
    """Share of the generated data in the ball of any real point (Kynkäänniemi et al. 2019, arXiv:1904.06991).

    A single outlier among the real data has a large ball; `density` is less moved by it.
    """
    return _compare(real, generated, k).precision


def recall(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = NEIGHBOUR
) -> float:
    """Share of the real data in the ball of any generated point (Kynkäänniemi et al. 2019, arXiv:1904.06991)."""
    return _compare(real, generated, k).recall


def density(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = NEIGHBOUR
) -> float:
    """Mean number of real balls that hold a generated point, over k (Naeem et al. 2020, arXiv:2002.09797).

    About 1 where both laws agree; it may exceed 1, as where generated data gather in dense regions.
    """
    return _compare(real, generated, k).density


def coverage(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = NEIGHBOUR
) -> float:
    """Share of the real points' balls that hold any generated point (Naeem et al. 2020, arXiv:2002.09797)."""
    return _compare(real, generated, k).coverage


def _compare(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int
) -> NeighbourScores:
    return compare(Balls(as_points(real), k), Balls(as_points(generated), k))
