"""Axes of plots: scales, and ticks at round values."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from typing_extensions import Self

from ....reporting.spreads import Spread

__all__ = ["Axis"]


class Axis(NamedTuple):
    """A scale between two values; where ``start`` is the larger one it is reversed.

    Attributes:
        start: Value at the left or lower end.
        end: Value at the right or upper end.
        is_log: Whether the scale is logarithmic.
    """

    start: float
    end: float
    is_log: bool = False

    @classmethod
    def over(cls, figures: Iterable[Spread], *, is_log: bool = False, is_reversed: bool = False) -> Self:
        """An axis that holds all figures with their spreads, and a margin."""
        lows, highs = zip(*(_interval(figure, is_log) for figure in figures), strict=True)
        low, high = min(lows), max(highs)
        if is_log:
            margin = max(0.06 * math.log(high / low), 0.05)
            low, high = low * math.exp(-margin), high * math.exp(margin)
        else:
            margin = max(0.06 * (high - low), 0.02)
            low, high = low - margin, high + margin
        return cls(high, low, is_log) if is_reversed else cls(low, high, is_log)

    def place(self, value: float) -> float:
        """Where a value is: 0 at the start, 1 at the end, never beyond; what has no logarithm is at the lower end."""
        low = min(self.start, self.end)
        start, end, here = (
            (math.log(bound) for bound in (self.start, self.end, max(value, low)))
            if self.is_log
            else (self.start, self.end, value)
        )
        return min(1.0, max(0.0, (here - start) / (end - start)))

    def ticks(self) -> dict[float, str]:
        """Round values within the axis, and their text."""
        low, high = sorted((self.start, self.end))
        return _log_ticks(low, high) if self.is_log else _linear_ticks(low, high)


def _interval(figure: Spread, is_log: bool) -> tuple[float, float]:
    spread = figure.sd or 0.0
    low = figure.mean - spread
    return (max(low, figure.mean / 2) if is_log else low), figure.mean + spread


def _linear_ticks(low: float, high: float, n_most: int = 6) -> dict[float, str]:
    decade = 10 ** math.floor(math.log10(high - low) - 1)
    step = next(factor * decade for factor in (1, 2, 5, 10, 20, 50) if (high - low) / (factor * decade) <= n_most)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return {round(index * step, 12): f"{index * step:.{digits}f}".replace("-", "−") for index in range(first, last + 1)}


def _log_ticks(low: float, high: float) -> dict[float, str]:
    """Few leading digits where they give ticks enough; evenly spaced values where the range is narrow."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        values = [factor * 10.0**exponent for exponent in exponents for factor in factors]
        ticks = {value: f"{value:,.6g}" for value in values if low <= value <= high}
        if len(ticks) >= 3:
            return ticks
    return _linear_ticks(low, high)
