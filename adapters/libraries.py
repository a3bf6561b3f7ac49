"""Which class of a library a model is of, told by the names of its classes: the library is never imported."""

from collections.abc import Collection, Mapping
from typing import Any

from ..errors import UnsupportedModelError
from .checks import WAY_OUT

__all__ = ["usable_class"]

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
