"""The summary of a fitted sampler: figures, what is good of them and what is not, and a verdict in plain words."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Final, NamedTuple

from .diagnostics import Diagnostics

__all__ = ["write_summary"]

LARGEST_R_HAT = 1.01
"""Split R-hat at which chains count as converged (Vehtari et al. 2021, section 4), but for its own error."""

LEAST_ESS, LARGEST_FLOOR_SHARE = 0.5, 0.05
ACCEPTANCE, LEAST_GLOBAL_ACCEPTANCE = (0.6, 0.98), 0.05
LARGEST_DIVERGENT_SHARE = 0.01
MARGIN = 0.1
"""Near copies beyond those that training codes are of one another, as a share of the draws."""

MORE_NOVELTY = "For more novelty take the preset 'local' or 'clusters'."
CURE = "Lower the temperature, or raise n_steps."

FEWEST_STEPS = 8
"""Steps whose last half can be split in two for R-hat."""

ENOUGH_SAMPLES = 100
"""Fewer chains than this do not tell whether they have converged."""


class _Row(NamedTuple):
    """A figure: its name, its value, whether it is good (None: it is neither good nor bad), and what would be."""

    name: str
    value: str
    good: bool | None = None
    wanted: str = ""


class _Figure(NamedTuple):
    """How a figure is found and judged; NaN does not apply, and is not shown."""

    name: str
    value: Callable[[Diagnostics], float]
    show: Callable[[float], str]
    judge: Callable[[Diagnostics], bool] | None = None
    wanted: Callable[[Diagnostics], str] = lambda _: ""


def _count(value: float) -> str:
    return f"{int(value):,}"


def _number(value: float) -> str:
    return f"{value:.4g}"


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _if_chains(name: str) -> Callable[[Diagnostics], float]:
    return lambda found: float(getattr(found, name)) if found.n_steps else math.nan


def _if_drawn(name: str) -> Callable[[Diagnostics], float]:
    return lambda found: float(getattr(found, name)) if found.n_samples else math.nan


def _if_chains_drawn(name: str) -> Callable[[Diagnostics], float]:
    return lambda found: float(getattr(found, name)) if found.n_samples and found.n_steps else math.nan


def _largest_r_hat(found: Diagnostics) -> float:
    """The limit of R-hat, and two standard errors of the R-hat of so many independent states in so few steps."""
    return LARGEST_R_HAT + 1 / math.sqrt(found.n_samples) / max(1, found.n_steps // 4)


FIT: Final = (
    _Figure("codes", lambda found: found.n_codes, _count),
    _Figure("centroids", lambda found: found.n_centroids, _count),
    _Figure("temperature", _if_chains("temperature"), _number),
    _Figure("island scale", lambda found: found.island_scale, _number),
    _Figure(
        "relative ESS",
        lambda found: found.relative_ess,
        _number,
        lambda found: found.relative_ess >= LEAST_ESS,
        lambda _: f"at least {LEAST_ESS}",
    ),
    _Figure(
        "floor share",
        _if_chains("floor_share"),
        _number,
        lambda found: found.floor_share <= LARGEST_FLOOR_SHARE,
        lambda _: f"at most {LARGEST_FLOOR_SHARE}",
    ),
    _Figure("step size", _if_chains("step_size"), _number),
    _Figure("steps", _if_chains("n_steps"), _count),
)
"""What is known after a fit."""

CHAINS: Final = (
    _Figure(
        "R-hat",
        _if_chains_drawn("log_volume_r_hat"),
        _number,
        lambda found: found.log_volume_r_hat <= _largest_r_hat(found),
        lambda found: f"at most {_largest_r_hat(found):.4g}",
    ),
    _Figure(
        "ESS of the log density",
        _if_chains_drawn("log_volume_ess"),
        _count,
        lambda found: found.log_volume_ess >= found.n_samples,
        lambda _: "at least the samples",
    ),
    _Figure(
        "acceptance",
        _if_chains_drawn("acceptance"),
        _number,
        lambda found: ACCEPTANCE[0] <= found.acceptance <= ACCEPTANCE[1],
        lambda _: f"{ACCEPTANCE[0]} to {ACCEPTANCE[1]}",
    ),
    _Figure(
        "global acceptance",
        _if_chains_drawn("global_acceptance"),
        _number,
        lambda found: found.global_acceptance >= LEAST_GLOBAL_ACCEPTANCE,
        lambda _: f"at least {LEAST_GLOBAL_ACCEPTANCE}",
    ),
    _Figure(
        "divergences",
        _if_chains_drawn("n_divergent"),
        _count,
        lambda found: found.n_divergent <= LARGEST_DIVERGENT_SHARE * found.n_samples,
        lambda _: f"at most {_percent(LARGEST_DIVERGENT_SHARE)} of the samples",
    ),
)
"""Whether chains have reached their law."""

DRAWS: Final = (
    _Figure("samples", _if_drawn("n_samples"), _count),
    *CHAINS,
    _Figure("mean overlap of islands", _if_drawn("mean_overlap"), _number),
    _Figure("centroids reached", _if_drawn("centroids_reached"), _percent),
    _Figure("evenness over centroids", _if_drawn("centroid_perplexity"), _number),
    _Figure("distance to nearest centroid, median", lambda found: found.nearest_distance[1], _number),
    _Figure(
        "near copies",
        lambda found: found.near_copies,
        _percent,
        lambda found: not _copies(found),
        lambda _: "about as many as among the codes",
    ),
    _Figure("near copies among the codes", lambda found: found.near_copies_of_codes, _percent),
)
"""What is known after a draw."""


def _rows(found: Diagnostics, figures: Sequence[_Figure]) -> list[_Row]:
    rows = []
    for figure in figures:
        value = float(figure.value(found))
        if not math.isnan(value):
            good = None if figure.judge is None else figure.judge(found)
            rows.append(_Row(figure.name, figure.show(value), good, figure.wanted(found)))
    return rows


def write_summary(heading: Sequence[str], diagnostics: Mapping[Hashable, Diagnostics]) -> str:
    """The heading, a table of figures and the verdict, for one law or one for each label."""
    if None in diagnostics:
        found = diagnostics[None]
        return "\n".join([*heading, "", *_table(found), "", *_verdict(found)])
    return "\n".join([*heading, "", *_table_by_label(diagnostics), "", *_verdict_by_label(diagnostics)])


def _table(found: Diagnostics) -> list[str]:
    """A line for each figure that applies, with what is good beside those that can be good or bad."""
    rows = _rows(found, (*FIT, *DRAWS))
    name_width, value_width = max(len(row.name) for row in rows), max(len(row.value) for row in rows)
    lines = []
    for row in rows:
        judged = {True: f"good ({row.wanted})", False: f"LOOK ({row.wanted})", None: ""}[row.good]
        lines.append(f"{row.name:<{name_width}}  {row.value:>{value_width}}  {judged}".rstrip())
    return lines


def _table_by_label(parts: Mapping[Hashable, Diagnostics]) -> list[str]:
    """A line for each label and a column for each figure, or the other way round; what is not good is marked."""
    rows = {label: {row.name: row for row in _rows(found, (*FIT, *DRAWS))} for label, found in parts.items()}
    shown = [figure.name for figure in (*FIT, *DRAWS) if any(figure.name in row for row in rows.values())]
    lines = [["label", *shown]]
    for label, row in rows.items():
        cells = (row.get(name, _Row(name, "–")) for name in shown)
        lines.append([str(label), *(f"{cell.value}{' !' if cell.good is False else ''}" for cell in cells)])
    if len(lines) <= len(shown):
        lines = [list(column) for column in zip(*lines, strict=True)]
    first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
    text = [
        "  ".join([line[0].ljust(first), *(cell.rjust(width) for cell, width in zip(line[1:], others, strict=True))])
        for line in lines
    ]
    bad = {row.name: row.wanted for figures in rows.values() for row in figures.values() if row.good is False}
    return [*text, *(f"! {name}: {wanted} is wanted" for name, wanted in bad.items())]


def _verdict(found: Diagnostics) -> list[str]:
    """What the figures of one law say, a sentence or two for each thing to know."""
    said = [_on_law(found)]
    if not math.isnan(found.near_copies):
        usual = f"of the training data {_percent(found.near_copies_of_codes)} are of one another"
        said.append(f"{_percent(found.near_copies)} of draws are near copies of training data; {usual}.")
        said += [MORE_NOVELTY] * _copies(found)
    return said


def _verdict_by_label(parts: Mapping[Hashable, Diagnostics]) -> list[str]:
    """What the figures of all laws say; labels are named where they differ."""
    labels: dict[str, list[Hashable]] = {}
    for label, found in parts.items():
        labels.setdefault(_on_law(found), []).append(label)
        if _copies(found):
            labels.setdefault(f"More near copies than among the training data. {MORE_NOVELTY}", []).append(label)
    return [
        sentence if len(those) == len(parts) else f"{', '.join(map(repr, those))}: {sentence}"
        for sentence, those in labels.items()
    ]


def _on_law(found: Diagnostics) -> str:
    """Whether samples are from their law."""
    if not found.n_samples:
        return "Nothing is drawn yet: call sample() or sample_latents() for a verdict on samples."
    if not found.n_steps:
        return "Samples are independent, exact draws from their law."
    if math.isnan(found.log_volume_r_hat) and found.n_steps < FEWEST_STEPS:
        return f"{found.n_steps} steps are too few to judge whether chains reach their law: at least {FEWEST_STEPS}."
    if found.n_samples < ENOUGH_SAMPLES:
        return f"Too few samples to judge whether chains reach their law: draw at least {ENOUGH_SAMPLES}."
    bad = [row for row in _rows(found, CHAINS) if row.good is False]
    if not bad:
        return "Samples reach their law."
    figures = ", ".join(f"{row.name} is {row.value} ({row.wanted} is wanted)" for row in bad)
    return f"Samples may not have reached their law: {figures}. {CURE}"


def _copies(found: Diagnostics) -> bool:
    """Whether draws are near copies more often than the training data are of one another."""
    return found.near_copies > found.near_copies_of_codes + MARGIN
