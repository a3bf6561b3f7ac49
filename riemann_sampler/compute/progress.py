"""Progress bars for whatever takes more than two seconds; the environment variable TQDM_DISABLE=1 silences them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from tqdm import tqdm

__all__ = ["progress_bar", "silent"]

_SILENT = ContextVar("silent", default=False)


def _bar(*arguments: Any, **options: Any) -> Any:
    return tqdm(*arguments, **(options | {"disable": True} if _SILENT.get() else options))


progress_bar = partial(_bar, delay=2, leave=False)


@contextmanager
def silent() -> Iterator[None]:
    """No bars inside: for what is called in every step of a user's loop, which may have a bar of its own."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)
