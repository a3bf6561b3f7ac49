"""A summary as Markdown: compact tables for the README, and one table of every figure a group."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from ....reporting.markdown_table import QUICK_NOTICE, Aligned, markdown_table
from ....reporting.spreads import MISSING, shown
from .formats import COLUMNS, columns, condition_text, conditions_of_run, decimals, failures, software, title
from .selection import largest, main_rows, short
from .summary import Group, Row, Summary
from .verdicts import RECOMMENDED_PRESET, Verdict, judge, tally

__all__ = ["all_tables", "table"]

MAIN_KEYS: Final = ("frechet_distance", "recall", "coverage", "authenticity", "gap_closed")
LEGEND: Final = (
    "Mean ± standard deviation over seeds, against held-out data (authenticity: against training data). Samplers by "
    "kind, then by Fréchet distance (FD); *gap closed* is the share of the FD between N(0, I) and reconstructions."
)


def table(figures: dict[str, Any]) -> str:
    """Tables of the README: what holds everywhere, and, folded, the main samplers on the largest training sets.

    Args:
        figures: Content of ``summary.json``.

    Returns:
        Captions and tables.
    """
    summary = Summary.parse(figures)
    groups = largest(summary.groups)
    notes = [LEGEND, _split_and_software(summary), *_captions(groups), *_failed(summary.groups)]
    caption = "\n".join(f"- {note}" for note in notes)
    noticed = [f"**{QUICK_NOTICE}**"] if summary.is_quick else []
    folded = ["<details>", "<summary>The main samplers, with spreads, and what was run</summary>", caption, *noticed]
    return "\n\n".join([*noticed, *_verdicts(summary.groups), *folded, _main_table(groups), "</details>"])


def all_tables(figures: dict[str, Any]) -> str:
    """Every figure of every group.

    Args:
        figures: Content of ``summary.json``.

    Returns:
        A Markdown document.
    """
    summary = Summary.parse(figures)
    meanings = [f"- {column.heading}: {column.meaning}." for column in COLUMNS]
    noticed = [f"**{QUICK_NOTICE}**"] if summary.is_quick else []
    parts = ["# Samplers compared", f"{LEGEND} {_split_and_software(summary)}", "\n".join(meanings)]
    parts += [*noticed, *_verdicts(summary.groups)]
    for group in summary.groups:
        parts += [f"## {title(group)}", " ".join(conditions_of_run(group)), *noticed, _full_table(group)]
        parts += ["\n".join(f"- {failure}" for failure in failures(group))] if failures(group) else []
    return "\n\n".join(parts) + "\n"


def _split_and_software(summary: Summary) -> str:
    return f"Held-out data: {summary.heldout}. {software(summary)}"


def _failed(groups: Iterable[Group]) -> list[str]:
    """A line on the runs that failed, if any did."""
    failed: Counter[str] = Counter()
    for group in groups:
        failed.update({row.sampler: row.n_failed for row in group.rows if row.n_failed})
    runs = [f"{sampler} {n_failed} time{'s' if n_failed > 1 else ''}" for sampler, n_failed in sorted(failed.items())]
    return [f"Failed, and left out of means: {', '.join(runs)}."] if runs else []


def _captions(groups: Iterable[Group]) -> list[str]:
    """A caption for each data set: what its groups have in common, then each model."""
    common: dict[str, list[str]] = {}
    for group in groups:
        *shared, model = conditions_of_run(group)
        common.setdefault(f"{group.dataset}: {' '.join(shared)}", []).append(model)
    return [" ".join([shared, *models]) for shared, models in common.items()]


def _main_table(groups: Iterable[Group]) -> str:
    chosen = [column for column in COLUMNS if column.key in MAIN_KEYS]
    lines = []
    for group in groups:
        rows = main_rows(group)
        names = [f"{group.dataset} {group.n_train:,}, {group.model}", *[""] * len(rows)]
        digits = {column.key: decimals(column, rows) for column in chosen}
        lines += [
            {"group": name, "sampler": row.sampler} | _cells(row, digits, len(group.seeds))
            for name, row in zip(names, rows, strict=False)
        ]
    headings = {"group": "data, model", "sampler": "sampler"}
    return markdown_table(lines, headings | {column.key: column.heading for column in chosen})


def _full_table(group: Group) -> str:
    chosen = columns(group)
    digits = {column.key: decimals(column, group.rows) for column in chosen}
    lines = [{"kind": row.kind, "sampler": row.sampler} | _cells(row, digits, len(group.seeds)) for row in group.rows]
    headings = {"kind": "kind", "sampler": "sampler"}
    return markdown_table(lines, headings | {column.key: column.heading for column in chosen})


def _cells(row: Row, digits: dict[str, int], n_seeds: int) -> dict[str, Aligned]:
    return {key: Aligned(shown(row.figures.get(key), places, n_seeds)) for key, places in digits.items()}


def _verdicts(groups: Iterable[Group]) -> list[str]:
    """Caption and table of the conditions; nothing where there are none, for neither preset was run."""
    verdicts = [verdict for group in groups if (verdict := judge(group)).conditions]
    if not verdicts:
        return []
    n_met, n_failed, n_open = tally(verdicts)
    caption = (
        f"Of {n_met + n_failed} conditions {n_met} hold and {n_failed} fail (in bold)"
        f"{f'; {n_open} could not be judged' if n_open else ''}. The recommended preset, "
        f"`{short(RECOMMENDED_PRESET)}`, is compared with the native sampler of lowest FD; ≈ marks differences within "
        "the spread over seeds."
    )
    headings = {
        "group": "data, model",
        "native": "best native",
        "frechet_distance": "FD ≤ native",
        "coverage": "coverage ≥ native",
        "authenticity": "authenticity ≥ ¼ or ceiling",
        "prior": "default: FD ≤ N(0, I)",
        "mixture": "default: FD ≤ GMM-10",
        "gap_closed": "gap closed",
    }
    return [caption, markdown_table([_verdict_line(verdict) for verdict in verdicts], headings)]


def _verdict_line(verdict: Verdict) -> dict[str, str | Aligned]:
    group = verdict.group
    places = [*("frechet_distance", "coverage", "authenticity"), "prior", "mixture", "gap_closed"]
    conditions = [
        *(verdict.recommended or [None] * 3),
        *(verdict.default or [None] * 2),
        *(verdict.gap or [None]),
    ]
    cells = {}
    for place, condition in zip(places, conditions, strict=True):
        text = MISSING if condition is None else condition_text(condition, group)
        cells[place] = Aligned(f"**{text}**" if condition is not None and condition.holds is False else text)
    names = {
        "group": f"{group.dataset} {group.n_train:,}, {group.model}",
        "native": MISSING if verdict.native is None else verdict.native.sampler,
    }
    return names | cells
