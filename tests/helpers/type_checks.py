"""Run-time checks of annotations, made at some of the calls: at all of them they would take most of the tests' time."""

import functools
from collections.abc import Callable
from types import CodeType
from typing import Any

import jaxtyping

FIRST, EVERY = 3, 100
"""In each test the first calls of a function are checked, and one of so many later ones."""


class _Calls:
    """How often the functions of a piece of code were called in a test.

    A function that stands in another is made anew whenever that is called: they are all counted as one.
    """

    def __init__(self) -> None:
        self._test, self._n = 0, 0

    def is_checked(self, test: int) -> bool:
        """Whether a call is, which is counted."""
        if test != self._test:
            self._test, self._n = test, 0
        self._n += 1
        return self._n <= FIRST or self._n % EVERY == 0


class TypeChecks:
    """Stands in for `jaxtyping.jaxtyped`, which jaxtyping's import hook puts on every function of the package."""

    def __init__(self) -> None:
        self._test = 0
        self._jaxtyped = jaxtyping.jaxtyped
        self._calls: dict[CodeType, _Calls] = {}

    def install(self) -> None:
        """To be called before the package is imported."""
        jaxtyping.jaxtyped = self._decorator

    def begin_test(self) -> None:
        """Count calls anew."""
        self._test += 1

    def _decorator(self, *, typechecker: Any) -> Callable[[Any], Any]:
        check = self._jaxtyped(typechecker=typechecker)

        def decorate(function: Any) -> Any:
            return check(function) if isinstance(function, type) else self._checked_sometimes(function, check)

        return decorate

    def _checked_sometimes(self, function: Callable[..., Any], check: Callable[..., Any]) -> Callable[..., Any]:
        """The checks are written when they are first made: it takes as long as thousands of calls."""
        calls = self._calls.setdefault(function.__code__, _Calls())
        checked: Callable[..., Any] | None = None

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal checked
            if not calls.is_checked(self._test):
                return function(*args, **kwargs)
            if checked is None:
                checked = check(function)
            return checked(*args, **kwargs)

        return call
