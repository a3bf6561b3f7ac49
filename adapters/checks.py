"""What every adapter asks of a model's outputs, and the way out for a model that does not give it."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeGuard

import torch
from jaxtyping import Float
from torch import Tensor

from ..errors import DataError, RiemannSamplerError, UnsupportedModelError

__all__ = ["PULLBACK", "WAY_OUT", "check_decoded", "check_pair", "describe", "explained", "usable_class"]

WAY_OUT = (
    "Any model can be wrapped by two functions of your own:\n"
    "    from riemann_sampler.adapters import FunctionAdapter\n"
    '    model = FunctionAdapter(encode=..., decode=..., latent_dim=..., spread="log_variance")'
)
"""The end of every message about a model that no adapter understands."""

PULLBACK = 'metric="pullback" takes the covariance from its decoder instead'
"""In messages about a model that gives codes without a covariance."""

_LISTED = 4  # items of a collection that a message shows

# What a model's code raises on inputs that it cannot take.
_FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def describe(value: object) -> str:
    """What a value is, in words for a message: type, dtype and shape, never the numbers."""
    if isinstance(value, Tensor):
        return f"a {value.dtype} tensor of shape {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"a {type(value).__name__} of {len(value)} ({', '.join(map(repr, islice(value, _LISTED)))})"
    if isinstance(value, tuple | list):
        items = [describe(item) for item in islice(value, _LISTED)] + ["..."] * (len(value) > _LISTED)
        return f"a {type(value).__name__} of {len(value)} ({', '.join(items)})"
    return f"an object of type {type(value).__name__}"


@contextmanager
def explained(action: str, value: object, hint: str = "") -> Iterator[None]:
    """Failures of a model's own code as a `DataError` that says what it was given; the cause stays attached.

    Our own errors, and running out of a device's memory, pass as they are.
    """
    try:
        yield
    except (RiemannSamplerError, torch.cuda.OutOfMemoryError):
        raise
    except _FAILURES as error:
        msg = f"{action} failed on {describe(value)}: {type(error).__name__}: {error}. {hint}"
        raise DataError(msg.rstrip()) from error


def _is_floating(value: object) -> TypeGuard[Tensor]:
    return isinstance(value, Tensor) and value.is_floating_point()


def check_pair(
    pair: tuple[object, object], x: object, *, spread: str = "log_variance", way_out: str = WAY_OUT
) -> tuple[Float[Tensor, "batch *latent"], Float[Tensor, "batch *latent"]]:
    """The two tensors that an encoder returned, detached, if they can be means and spreads of the batch ``x``."""
    mean, deviation = pair
    if not (_is_floating(mean) and _is_floating(deviation)):
        msg = f"encode returned {describe(pair)}, not floating-point tensors (mean, {spread}). {way_out}".rstrip()
        raise DataError(msg)
    shape = tuple(getattr(x, "shape", ()))
    if mean.ndim < 2 or mean.shape != deviation.shape or (shape and shape[0] != mean.shape[0]):
        given = f" for an input of shape {shape}" if shape else ""
        msg = (
            f"encode returned a mean of shape {tuple(mean.shape)} and a {spread} of shape "
            f"{tuple(deviation.shape)}{given}; both must be (batch, dim), one row for each row of the input."
        )
        raise DataError(msg)
    return mean.detach(), deviation.detach()


def check_decoded(output: object, z: Float[Tensor, "n *latent"], *, way_out: str = WAY_OUT) -> Tensor:
    """The tensor that a decoder returned, if it has one row for each row of ``z``."""
    if not isinstance(output, Tensor):
        msg = f"decode returned {describe(output)}, not a tensor. {way_out}".rstrip()
        raise DataError(msg)
    n = z.shape[0]
    if not output.ndim or output.shape[0] != n:
        msg = f"decode returned {describe(output)} for {n} latent positions: the first axis must be {n}."
        raise DataError(msg)
    return output


_UNKNOWN = "what its encoder and decoder mean is not known"


def usable_class(model: Any, library: str, usable: Collection[str], reasons: Mapping[str, str]) -> str:
    """Name of the nearest class of a library in a model's ancestry, if its posterior can be used.

    Args:
        model: A model of the library, or of a user's subclass.
        library: The library's top-level package.
        usable: Names of its classes whose Gaussian posterior is the one that the decoder sees.
        reasons: Why others of its classes cannot be used; that of a usable one is not asked.

    Returns:
        One of ``usable``.

    Raises:
        UnsupportedModelError: The nearest class is not usable, or none is of the library.
    """
    ancestry = [cls for cls in type(model).__mro__ if cls.__module__.partition(".")[0] == library]
    beside = [cls.__name__ for cls in ancestry if not issubclass(ancestry[0], cls)]  # further parents of a user's class
    nearest = ancestry[0].__name__ if ancestry else ""
    unusable = next((name for name in (nearest, *beside) if name in reasons and name not in usable), "")
    if nearest in usable and not unusable:
        return nearest
    name = unusable or nearest
    kind = f"a {library} {name}" if name else f"not a model of {library}"
    msg = f"{type(model).__name__} ({kind}) cannot be used: {reasons.get(name, _UNKNOWN)}. {WAY_OUT}"
    raise UnsupportedModelError(msg)
