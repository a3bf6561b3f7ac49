"""Sample trained variational autoencoders by the uniform law of their latent manifold.

>>> sampler = RiemannianUniformSampler(model).fit(train_data)
>>> images = sampler.sample(64)
"""

from .diagnostics import Diagnostics
from .errors import (
    ArgumentError,
    ArgumentTypeError,
    CollapseWarning,
    ConvergenceWarning,
    DataError,
    DimensionWarning,
    FloorWarning,
    MemoryWarning,
    NotFittedError,
    RiemannSamplerError,
    RiemannSamplerWarning,
    SpreadWarning,
    StorageError,
    TemperatureWarning,
    UnsupportedModelError,
)
from .metric import DiagonalMetric, FullMetric
from .protocols import GaussianPosterior, LatentModel
from .sampler import LatentSamples, RiemannianUniformSampler

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CollapseWarning",
    "ConvergenceWarning",
    "DataError",
    "Diagnostics",
    "DiagonalMetric",
    "DimensionWarning",
    "FloorWarning",
    "FullMetric",
    "GaussianPosterior",
    "LatentModel",
    "LatentSamples",
    "MemoryWarning",
    "NotFittedError",
    "RiemannSamplerError",
    "RiemannSamplerWarning",
    "RiemannianUniformSampler",
    "SpreadWarning",
    "StorageError",
    "TemperatureWarning",
    "UnsupportedModelError",
]
