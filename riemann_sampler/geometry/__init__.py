"""Geometry of a latent space: paths, distances, means, walks and clusters on the learnt manifold.

Functions take a metric first, ``sampler.metric_`` or one of one's own, or a line element made of it: `InverseMetric`
and `ConformalMetric` keep curves on the data, while a metric's own geodesics may cut through voids.

>>> paths = interpolate(widened(sampler.metric_), a, b, n_points=16)
"""

from .brownian import BrownianWalk, brownian_walk
from .curves import Curves, spherical, straight
from .elements import ConformalMetric, InverseMetric, LineElement, OwnMetric
from .exponential import exponential_map, log_map
from .gaussian import GaussianSamples, riemannian_gaussian
from .means import FrechetMean, frechet_mean
from .medoids import RiemannianKMedoids
from .paths import distance, geodesic, interpolate, widened
from .pullback import PullbackCalibration, pullback_calibration

__all__ = [
    "BrownianWalk",
    "ConformalMetric",
    "Curves",
    "FrechetMean",
    "GaussianSamples",
    "InverseMetric",
    "LineElement",
    "OwnMetric",
    "PullbackCalibration",
    "RiemannianKMedoids",
    "brownian_walk",
    "distance",
    "exponential_map",
    "frechet_mean",
    "geodesic",
    "interpolate",
    "log_map",
    "pullback_calibration",
    "riemannian_gaussian",
    "spherical",
    "straight",
    "widened",
]
