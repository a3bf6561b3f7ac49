"""Checks of arguments: each names the argument, its value, and what would do."""

import math
from collections.abc import Collection
from numbers import Integral, Real
from typing import Any, TypeVar

import torch
from torch import Tensor

from .errors import ArgumentError, ArgumentTypeError

__all__ = ["choice", "finite_matrix", "natural", "number", "positive"]

Choice = TypeVar("Choice")


def number(name: str, value: Any) -> float:
    """The value as a float, if it is a number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        msg = f"{name} must be a number, got {value!r} of type {type(value).__name__}."
        raise ArgumentTypeError(msg)
    return float(value)


def positive(name: str, value: Any) -> float:
    """The value as a float, if it is a positive finite number."""
    found = number(name, value)
    if not (math.isfinite(found) and found > 0):
        msg = f"{name} must be positive and finite, got {value!r}."
        raise ArgumentError(msg)
    return found


def natural(name: str, value: Any, *, least: int = 1) -> int:
    """The value as an int, if it is a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        msg = f"{name} must be a whole number, got {value!r} of type {type(value).__name__}."
        raise ArgumentTypeError(msg)
    if value < least:
        msg = f"{name} must be at least {least}, got {value}."
        raise ArgumentError(msg)
    return int(value)


def choice(name: str, value: Choice, known: Collection[Choice]) -> Choice:
    """The value, if it is one of those known."""
    if value not in known:
        msg = f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}."
        raise ArgumentError(msg)
    return value


def finite_matrix(name: str, value: Any, *, dim: int | None = None) -> Tensor:
    """The tensor, if it is a floating-point matrix of finite numbers (with ``dim`` columns)."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
        msg = f"{name} must be a floating-point tensor, got {kind}."
        raise ArgumentTypeError(msg)
    if value.ndim != 2 or 0 in value.shape or (dim is not None and value.shape[1] != dim):
        wanted = "(rows, dim)" if dim is None else f"(rows, {dim})"
        msg = f"{name} must have shape {wanted}, none of it 0; got {tuple(value.shape)}."
        raise ArgumentError(msg)
    bad = ~torch.isfinite(value).all(1)
    if bad.any():
        row = int(bad.nonzero()[0, 0])
        msg = f"{name} must be finite, but {int(bad.sum())} of {len(value)} rows are not, the first is row {row}."
        raise ArgumentError(msg)
    return value
