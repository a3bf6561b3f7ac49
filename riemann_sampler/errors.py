"""Errors and warnings: one small tree, so that ``except RiemannSamplerError`` catches all that is ours.

A message names the argument, its value, and the way out.
"""

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CollapseWarning",
    "ConvergenceWarning",
    "DataError",
    "DimensionWarning",
    "FloorWarning",
    "MemoryWarning",
    "NotFittedError",
    "RiemannSamplerError",
    "RiemannSamplerWarning",
    "SpreadWarning",
    "StorageError",
    "TemperatureWarning",
    "UnsupportedModelError",
]


class RiemannSamplerError(Exception):
    """Base of every error raised on purpose by this package."""


class ArgumentError(RiemannSamplerError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(RiemannSamplerError, TypeError):
    """An argument has a type that cannot be used."""


class DataError(RiemannSamplerError, ValueError):
    """The data, or what the model made of them, cannot be used: empty, not finite, of a wrong shape."""


class NotFittedError(RiemannSamplerError, ValueError, AttributeError):
    """A sampler was asked for what only ``fit`` can give."""


class UnsupportedModelError(RiemannSamplerError, TypeError):
    """A model that has no Gaussian posterior, whose decoder has no derivative, or whose type is not known."""


class StorageError(RiemannSamplerError, ValueError):
    """A saved sampler or model is missing, damaged, of another version, or does not fit what it is used with."""


class RiemannSamplerWarning(UserWarning):
    """Base of every warning of this package."""


class TemperatureWarning(RiemannSamplerWarning):
    """The temperature makes islands overlap so much that the mass gathers in crowded spots."""


class FloorWarning(RiemannSamplerWarning):
    """The floor of the metric, not the data, holds a noticeable share of the mass."""


class DimensionWarning(RiemannSamplerWarning):
    """The latent space has so many dimensions that its geometry is slow to compute and says little."""


class SpreadWarning(RiemannSamplerWarning):
    """Every posterior is wider than the unit prior, as if a standard deviation had been taken for a log-variance."""


class ConvergenceWarning(RiemannSamplerWarning):
    """Markov chains have not reached their law, or an iteration its end, in the steps that they were given."""


class MemoryWarning(RiemannSamplerWarning):
    """Memory ran out; the work goes on in smaller pieces."""


class CollapseWarning(RiemannSamplerWarning):
    """Some latent units carry no information: the posterior has collapsed onto the prior there."""
