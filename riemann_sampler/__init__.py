"""Sample trained variational autoencoders by the uniform law of their latent manifold.

>>> sampler = RiemannianUniformSampler(model).fit(train_data)
>>> images = sampler.sample(64)
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from .augmentation import FilterCounts, LatentAugment, SampleFilter, SyntheticDataset
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
from .laws import Diagnostics, LatentSamples
from .metric import DiagonalMetric, FullMetric
from .protocols import GaussianPosterior, LatentModel
from .sampler import RiemannianUniformSampler

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
    "FilterCounts",
    "FloorWarning",
    "FullMetric",
    "GaussianPosterior",
    "LatentAugment",
    "LatentModel",
    "LatentSamples",
    "MemoryWarning",
    "NotFittedError",
    "RiemannSamplerError",
    "RiemannSamplerWarning",
    "RiemannianOverSampler",
    "RiemannianUniformSampler",
    "SampleFilter",
    "SpreadWarning",
    "StorageError",
    "SyntheticDataset",
    "TemperatureWarning",
    "UnsupportedModelError",
]

if find_spec("imblearn") is None:
    __all__.remove("RiemannianOverSampler")

if TYPE_CHECKING:
    from .augmentation.oversampling import RiemannianOverSampler
else:

    def __getattr__(name: str) -> type:
        """`RiemannianOverSampler`, when it is asked for: the library that it belongs to is optional."""
        if name != "RiemannianOverSampler":
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        try:
            from .augmentation.oversampling import RiemannianOverSampler
        except ImportError as error:
            msg = f'RiemannianOverSampler needs imbalanced-learn ({error}): pip install "riemann-sampler[imblearn]"'
            raise ImportError(msg) from error
        return RiemannianOverSampler


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
