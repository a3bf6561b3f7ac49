"""Figures over seeds: mean and standard deviation."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from typing_extensions import Self

__all__ = ["MISSING", "SIGNIFICANT_DIGITS", "Spread", "round_significant", "shown"]


MISSING: Final = "–"
SIGNIFICANT_DIGITS: Final = 5


class Spread(NamedTuple):
    """A figure over seeds.

    Attributes:
        mean: Mean.
        sd: Standard deviation (n - 1 in its denominator); None of a single seed.
        n: Seeds that have the figure.
    """

    mean: float
    sd: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Mean and standard deviation of at least one value."""
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return cls(float(np.mean(values)), sd, len(values))

    def rounded(self) -> Self:
        """The figure with as many digits as are stored."""
        return self._replace(
            mean=round_significant(self.mean), sd=None if self.sd is None else round_significant(self.sd)
        )


def round_significant(value: float) -> float:
    """The value with as many digits as are stored."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def shown(figure: Spread | None, digits: int, n_seeds: int | None = None) -> str:
    """Mean and standard deviation.

    Args:
        figure: The figure.
        digits: Decimals.
        n_seeds: Seeds that should have it; where it has fewer, the text says so.

    Returns:
        For example "12.3 ± 0.4"; a dash where there is no figure.
    """
    if figure is None:
        return MISSING
    spread = "" if figure.sd is None else f" ± {figure.sd:.{digits}f}"
    lacking = "" if n_seeds is None or figure.n == n_seeds else f" (n = {figure.n})"
    return f"{figure.mean:.{digits}f}{spread}{lacking}".replace("-", "−")
