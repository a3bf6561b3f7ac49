"""Names on a command line: what is known here, what a user brings, and what was probably meant."""

import re
from collections.abc import Collection
from difflib import get_close_matches

from riemann_sampler.adapters import load_function
from riemann_sampler.errors import ArgumentError

__all__ = ["did_you_mean", "find_function"]


def find_function(spec: str, option: str, known: Collection[str], kind: str) -> object:
    """Find what a user brings as ``module:function`` or ``module:class``.

    Args:
        spec: What was given.
        option: The option that took it.
        known: Names that it could have been meant for.
        kind: What these are, for messages.

    Returns:
        The function or class.

    Raises:
        ArgumentError: There is none; the message says which of the known names was probably meant.
    """
    try:
        return load_function(spec, option=option, otherwise=f"{kind} known here")
    except ArgumentError as error:
        meant = did_you_mean(spec, known)
        if meant is None:
            raise
        msg = f"{option} {spec!r} is not {kind} known here: did you mean {meant!r}?"
        raise ArgumentError(msg) from error


def did_you_mean(name: str, known: Collection[str]) -> str | None:
    """The known name that differs in case, blanks and marks alone, or else in few letters; None if there is none."""
    by_letters = {_letters(each): each for each in known}
    close = get_close_matches(_letters(name), by_letters, n=1, cutoff=0.8)
    return by_letters[close[0]] if close else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
