"""Run-time checks of annotations, made at some of the calls: at all of them they would take most of the tests' time."""

import functools
from collections.abc import Callable
from typing import Any

import jaxtyping

FIRST, EVERY = 5, 50
"""In each test the first calls of a function are checked, and one of so many later ones."""


class TypeChecks:
    """Stands in for `jaxtyping.jaxtyped`, which jaxtyping's import hook puts on every function of the package."""

    def __init__(self) -> None:
        self._test = 0
        self._jaxtyped = jaxtyping.jaxtyped

    def install(self) -> None:
        """To be called before the package is imported."""
        jaxtyping.jaxtyped = self._decorator

    def begin_test(self) -> None:
        """Count calls anew."""
        self._test += 1

    def _decorator(self, *, typechecker: Any) -> Callable[[Any], Any]:
        checked_always = self._jaxtyped(typechecker=typechecker)

        def decorate(function: Any) -> Any:
            checked = checked_always(function)
            return checked if isinstance(function, type) else self._checked_sometimes(function, checked)

        return decorate

    def _checked_sometimes(self, function: Callable[..., Any], checked: Callable[..., Any]) -> Callable[..., Any]:
        test, n_calls = 0, 0

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal test, n_calls
            if test != self._test:
                test, n_calls = self._test, 0
            n_calls += 1
            chosen = checked if n_calls <= FIRST or n_calls % EVERY == 0 else function
            return chosen(*args, **kwargs)

        return call
