"""Whether our samplers keep what they promise, condition by condition, on means over seeds.

On every data set, training size and kind of model:

- the recommended preset has a Fréchet distance (FD) no higher than the best native sampler's (that of lowest mean FD),
  a coverage no lower than that sampler's, and an authenticity of at least 0.25 or of what reconstructions have, if that
  is less;
- the default preset has an FD no higher than N(0, I)'s and than GMM-10's;
- the recommended preset closes at least 0.97 of the FD between N(0, I) and reconstructions.

The recommended preset is the same everywhere; it was chosen on validation data.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from ....reporting.spreads import Spread
from .summary import PRIOR, RECONSTRUCTIONS, Group, Row

__all__ = ["MIN_AUTHENTICITY", "RECOMMENDED_PRESET", "Condition", "Verdict", "judge", "tally"]

RECOMMENDED_PRESET: Final = "ours: local"
DEFAULT_PRESET: Final = "ours: uniform"
BASELINES: Final = (PRIOR, "GMM-10")
MIN_AUTHENTICITY: Final = 0.25
MIN_GAP_CLOSED: Final = 0.97


class Condition(NamedTuple):
    """A figure of ours that must not be worse than another.

    Attributes:
        key: Key of the figure.
        ours: Our figure; None where our sampler failed.
        other: What it is held against, a constant being of 0 seeds; None where there is nothing to hold it against.
        against: Whose figure that is.
        more_is_better: Whether ours must be at least, not at most, the other.
    """

    key: str
    ours: Spread | None
    other: Spread | None
    against: str
    more_is_better: bool

    @property
    def holds(self) -> bool | None:
        """Whether it is met; None where there is nothing to compare with."""
        if self.other is None:
            return None
        return self.shortfall is not None and self.shortfall <= 0

    @property
    def shortfall(self) -> float | None:
        """By how much ours is worse than the other; None where a figure is missing."""
        if self.ours is None or self.other is None:
            return None
        difference = self.ours.mean - self.other.mean
        return -difference if self.more_is_better else difference

    @property
    def within_spread(self) -> bool:
        """Whether the difference is no larger than the root of the sum of both variances over seeds."""
        if self.shortfall is None or self.ours.sd is None or self.other.sd is None:
            return False
        return abs(self.shortfall) <= math.hypot(self.ours.sd, self.other.sd)


class Verdict(NamedTuple):
    """What holds on one group.

    Attributes:
        group: The group.
        preset: The recommended preset; None where it was not run.
        native: The native sampler of lowest FD; None where none gave samples.
        recommended: Conditions on the recommended preset beside that sampler: FD, coverage, authenticity.
        default: Conditions on the default preset's FD; none where it was not run.
        gap: Condition on the share of the gap that the recommended preset closes.
    """

    group: Group
    preset: Row | None
    native: Row | None
    recommended: tuple[Condition, ...]
    default: tuple[Condition, ...]
    gap: tuple[Condition, ...]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions."""
        return self.recommended + self.default + self.gap


def judge(group: Group) -> Verdict:
    """Hold our samplers against the others of a group."""
    native = group.best("native")
    preset = group.row(RECOMMENDED_PRESET)
    default = group.row(DEFAULT_PRESET)
    return Verdict(
        group,
        preset,
        native,
        recommended=() if preset is None else _recommended(preset, native, group),
        default=() if default is None else tuple(_no_farther(default, group.row(name), name) for name in BASELINES),
        gap=() if preset is None else (_gap(preset, group),),
    )


def tally(verdicts: Iterable[Verdict]) -> tuple[int, int, int]:
    """How many conditions hold, fail, and could not be judged."""
    held = [condition.holds for verdict in verdicts for condition in verdict.conditions]
    return held.count(True), held.count(False), held.count(None)


def _recommended(preset: Row, native: Row | None, group: Group) -> tuple[Condition, ...]:
    name = "native" if native is None else native.sampler
    coverage = Condition("coverage", preset.figures.get("coverage"), _figure(native, "coverage"), name, True)
    authenticity = preset.figures.get("authenticity")
    bound, owner = Spread(MIN_AUTHENTICITY, 0.0, 0), f"{MIN_AUTHENTICITY}"
    ceiling = _figure(group.row(RECONSTRUCTIONS), "authenticity")
    if ceiling is not None and ceiling.mean < bound.mean:
        bound, owner = ceiling, RECONSTRUCTIONS
    return _no_farther(preset, native, name), coverage, Condition("authenticity", authenticity, bound, owner, True)


def _no_farther(ours: Row, other: Row | None, against: str) -> Condition:
    key = "frechet_distance"
    return Condition(key, ours.figures.get(key), _figure(other, key), against, more_is_better=False)


def _gap(preset: Row, group: Group) -> Condition:
    """Not to be judged where the group has no gap, as N(0, I) itself then closes no share of it."""
    has_gap = _figure(group.row(PRIOR), "gap_closed") is not None
    bound = Spread(MIN_GAP_CLOSED, 0.0, 0) if has_gap else None
    return Condition("gap_closed", preset.figures.get("gap_closed"), bound, f"{MIN_GAP_CLOSED}", True)


def _figure(row: Row | None, key: str) -> Spread | None:
    return None if row is None else row.figures.get(key)
