"""Errors and warnings: one small tree, so that ``except RiemannSamplerError`` catches all that is ours.

A message names the argument, its value, and the way out.
"""

__all__ = [
    "ArgumentError",
    "ArgumentTypeError",
    "CollapseWarning",
    "DataError",
    "FloorWarning",
    "NotFittedError",
    "RiemannSamplerError",
    "RiemannSamplerWarning",
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
    """A model that has no Gaussian posterior, or whose type is not known."""


class StorageError(RiemannSamplerError, ValueError):
    """A saved sampler is missing, damaged, of another schema version, or does not fit the model."""


class RiemannSamplerWarning(UserWarning):
    """Base of every warning of this package."""


class TemperatureWarning(RiemannSamplerWarning):
    """The temperature makes islands overlap so much that the mass gathers in crowded spots."""


class FloorWarning(RiemannSamplerWarning):
    """The floor of the metric, not the data, holds a noticeable share of the mass."""


class CollapseWarning(RiemannSamplerWarning):
    """Some latent units carry no information: the posterior has collapsed onto the prior there."""
