"""How figures look: columns and their headings, digits, and the words for what was run."""

import math
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from ....reporting.spreads import MISSING, shown
from .selection import main_rows
from .summary import OTHER_DISTANCE, Group, Row, Summary
from .verdicts import Condition

__all__ = [
    "COLUMNS",
    "Column",
    "columns",
    "condition_text",
    "conditions_of_run",
    "decimals",
    "failures",
    "software",
    "title",
]


class Column(NamedTuple):
    """A figure in tables.

    Attributes:
        key: Key of the figure.
        heading: Short heading, with an arrow where more or less is better.
        meaning: What the figure is.
        digits: Decimals; None for as many as give the largest figure four significant digits.
    """

    key: str
    heading: str
    meaning: str
    digits: int | None = 3


COLUMNS: Final = tuple(
    Column(*column)
    for column in (
        ("frechet_distance", "FD ↓", "Fréchet distance to the held-out data", None),
        ("kernel_distance", "KD ↓", "kernel distance (KID) to the held-out data", None),
        ("precision", "precision ↑", "share of samples within the held-out manifold"),
        ("recall", "recall ↑", "share of held-out data within the samples' manifold"),
        ("density", "density ↑", "precision that counts neighbourhoods, may exceed 1"),
        ("coverage", "coverage ↑", "share of held-out data whose neighbourhood holds a sample"),
        ("prd_f8", "PRD F8 ↑", "F8 of the precision-recall curve of distributions: recall"),
        ("prd_f1_8", "PRD F⅛ ↑", "F⅛ of the precision-recall curve of distributions: precision"),
        ("authenticity", "authenticity ↑", "share of samples that are no near copies of training data"),
        ("data_copying", "C_T", "data-copying statistic: far below 0, samples are copies"),
        ("class_entropy", "class entropy ↑", "entropy of the samples' predicted classes"),
        ("class_balance_error", "class error ↓", "distance between the shares of predicted and held-out classes"),
        ("gap_closed", "gap closed ↑", "share of the FD between N(0, I) and reconstructions that is closed"),
        ("fit_seconds", "fit, s", "seconds to fit", None),
        ("sample_seconds", "sample, s", "seconds to sample", None),
        ("peak_memory_mib", "memory, MiB", "growth of resident memory", 0),
    )
)


def columns(group: Group) -> list[Column]:
    """Columns of which a group has a figure; distances on other feature maps come after the first column."""
    first, *rest = COLUMNS
    others = [
        Column(f"{OTHER_DISTANCE}{name}", f"FD {name} ↓", f"Fréchet distance on the features {full}", None)
        for name, (full, _) in group.features.items()
        if name != group.feature_map
    ]
    return [column for column in (first, *others, *rest) if any(column.key in row.figures for row in group.rows)]


def decimals(column: Column, rows: Iterable[Row]) -> int:
    """Decimals of a column, the same in all of a group's rows, so that they can be read down."""
    if column.digits is not None:
        return column.digits
    largest = max((abs(mean) for row in rows if (mean := row.mean(column.key)) is not None), default=1.0)
    return min(6, max(0, 3 - math.floor(math.log10(largest)))) if largest > 0 else 3


def condition_text(condition: Condition, group: Group) -> str:
    """Our figure, how it compares, and the other, with as many digits as tell them apart.

    Args:
        condition: The condition.
        group: The group that it was judged on.

    Returns:
        For example "20.8 ± 0.3 ≤ 27.7 ± 0.5", with a final "≈" where the difference is within the spread.
    """
    if condition.other is None:
        return MISSING
    column = next(column for column in COLUMNS if column.key == condition.key)
    digits = decimals(column, main_rows(group))
    sign = ("≥", "<") if condition.more_is_better else ("≤", ">")
    other = condition.other if condition.other.n else condition.other._replace(sd=None)
    if condition.ours is None:
        return f"no samples, not {sign[0]} {shown(other, digits)}"
    digits = _telling(condition.ours.mean, other.mean, digits)
    text = f"{shown(condition.ours, digits)} {sign[not condition.holds]} {shown(other, digits)}"
    return text + " ≈" if condition.within_spread else text


def _telling(first: float, second: float, digits: int) -> int:
    """As many decimals as make unequal figures look unequal."""
    while first != second and f"{first:.{digits}f}" == f"{second:.{digits}f}":
        digits += 1
    return digits


def title(group: Group) -> str:
    """Data set, training size and model."""
    return f"{group.dataset}, {group.n_train:,} training data, {group.model}"


def conditions_of_run(group: Group) -> list[str]:
    """Features, sizes and seeds, one sentence each."""
    chosen, *others = sorted(group.features, key=lambda name: name != group.feature_map) or [group.feature_map]
    sentences = [f"Features {_features(group, chosen)}."]
    if others:
        sentences.append(f"FD also on {', '.join(_features(group, name) for name in others)}.")
    fitted = "training data" if group.is_trained_here else "data that samplers were fitted to"
    sizes = [f"{group.n_train:,} {fitted}"]
    sizes += [f"{_span(group.config['n_heldout'])} held-out data"] if "n_heldout" in group.config else []
    sizes += [f"{_span(group.config['n_samples'])} samples each"] if "n_samples" in group.config else []
    usual = group.config.get("n_samples", ())
    others = [f"{row.n_samples:,} for {row.sampler}" for row in group.rows if row.n_samples not in usual]
    sentences.append(", ".join(sizes) + (f" ({', '.join(others)})." if others else "."))
    labels = {
        "latent_dim": "d = {}",
        "active_units": "{} units active",
        "n_epochs": "{} epochs",
        "n_steps": "{} training steps",
        "heldout_mse": "mean squared error of held-out reconstructions {}",
    }
    facts = [text.format(_span(group.config[key])) for key, text in labels.items() if key in group.config]
    model = ", each with its own model" if group.is_trained_here else ""
    seeds = f"seed {group.seeds[0]}" if len(group.seeds) == 1 else f"{len(group.seeds)} seeds{model}"
    sentences.append(", ".join([group.model, *facts, seeds]) + ".")
    return sentences


def failures(group: Group) -> list[str]:
    """A line on each sampler that failed on a seed."""
    return [
        f"{row.sampler} failed on {row.n_failed} of {row.n_failed + row.n_seeds} seeds: {' '.join(row.error.split())}"
        for row in group.rows
        if row.error is not None
    ]


def software(summary: Summary) -> str:
    """Commit, versions and machine of a run, in a line."""
    env: dict[str, Any] = summary.environment
    versions = [f"{name} {number}" for name, number in env["versions"].items()]
    python = [f"Python {env['python']}"] if "python" in env else []
    machine = [str(env[key]) for key in ("machine",) if key in env]
    return ", ".join([f"Commit {env['commit']}", *python, *versions, *machine]) + "."


def _features(group: Group, name: str) -> str:
    full, accuracy = group.features.get(name, (name, None))
    return full if accuracy is None else f"{full} (a classifier, {accuracy:.1%} right on held-out data)"


def _span(ends: tuple[float, float]) -> str:
    low, high = (f"{end:,}" if isinstance(end, int) or end.is_integer() else f"{end:.3g}" for end in ends)
    return low if low == high else f"{low} to {high}"
