"""Geometry of a latent space: paths, distances, means, walks and clusters on the learnt manifold.

Functions take a metric first, ``sampler.metric_`` or one of one's own, or a line element made of it: `InverseMetric`
and `ConformalMetric` keep curves on the data, while a metric's own geodesics may cut through voids.

>>> paths = interpolate(widen(sampler.metric_), a, b, n_points=16)
"""

from .curves.curves import Curves, leaves_data, spherical, straight
from .curves.exp_log import exponential_map, log_map
from .curves.geodesics import PATH_SCALE, distance, geodesic, interpolate, widen
from .curves.graph import polylines
from .curves.line_elements import ConformalMetric, InverseMetric, LineElement, OwnMetric
from .curves.splines import divide
from .pullback import PullbackCalibration, pullback_calibration
from .statistics.brownian import BrownianWalk, brownian_walk
from .statistics.fasterpam import k_medoids
from .statistics.frechet import FrechetMean, frechet_mean
from .statistics.gaussian import GaussianSamples, riemannian_gaussian
from .statistics.kmedoids import RiemannianKMedoids

__all__ = [
    "PATH_SCALE",
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
    "divide",
    "exponential_map",
    "frechet_mean",
    "geodesic",
    "interpolate",
    "k_medoids",
    "leaves_data",
    "log_map",
    "polylines",
    "pullback_calibration",
    "riemannian_gaussian",
    "spherical",
    "straight",
    "widen",
]
