"""The Riemannian metric of a latent space, its centroids and its islands.

One formula, one folder: quadratic forms, components, metric, centroids, islands.
"""

from .centroids import (
    DUPLICATE_DISTANCE,
    Centroids,
    cluster_centroids,
    local_centroids,
    merge_duplicates,
    posterior_centroids,
)
from .islands import IslandMixture, floor_share, island_scale, proper_floor
from .metric import DiagonalMetric, FullMetric, Metric
from .quadratic_forms import DiagonalQuadratics, Quadratics

__all__ = [
    "DUPLICATE_DISTANCE",
    "Centroids",
    "DiagonalMetric",
    "DiagonalQuadratics",
    "FullMetric",
    "IslandMixture",
    "Metric",
    "Quadratics",
    "cluster_centroids",
    "floor_share",
    "island_scale",
    "local_centroids",
    "merge_duplicates",
    "posterior_centroids",
    "proper_floor",
]
