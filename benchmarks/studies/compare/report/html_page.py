"""A comparison as one page that needs nothing else: styles, script, pictures and plots are all within."""

import math
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib.figure import Figure

from ....reporting.markdown_table import QUICK_NOTICE
from ....reporting.spreads import MISSING, Spread
from .exhibits import MAP_SIDE, Exhibit, cloud, map_square, real_cloud
from .formats import COLUMNS, columns, condition_text, conditions_of_run, decimals, failures, software
from .plots import as_svg, curve_plot, novelty_plot, recall_plot
from .selection import CURVES, short, studies
from .summary import Group, Row, Summary
from .verdicts import RECOMMENDED_PRESET, Condition, Verdict, judge, tally

__all__ = ["page"]

FOLDER: Final = Path(__file__).parent
KINDS: Final = {
    "baseline": "usual baselines",
    "native": "the model library's own samplers",
    "own": "your own samplers",
    "ours": "ours",
    "ceiling": "ceilings: real data, reconstructions",
}
MARKERS: Final = {
    "baseline": "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "native": "M-3.6-3.6h7.2v7.2h-7.2z",
    "own": "M-1.8-5h3.6v3.2h3.2v3.6h-3.2v3.2h-3.6v-3.2h-3.2v-3.6h3.2z",
    "ours": "M0-5.4L5.4 0 0 5.4-5.4 0z",
    "ceiling": "M0-5L4.8 3.6h-9.6z",
}
"""Paths around the origin, one for each kind of sampler, as plots have them."""

VERDICT_HEADINGS: Final = (
    *("Data, model", "Best native", "FD ≤ best native", "Coverage ≥ best native", "Authenticity ≥ ¼ or ceiling"),
    *("Default: FD ≤ N(0, I)", "Default: FD ≤ GMM-10", "Gap closed ≥ 0.97"),
)


def page(summary: Summary, exhibits: Sequence[Sequence[Exhibit]]) -> str:
    """The page.

    Args:
        summary: What it shows.
        exhibits: Pictures and maps of each of its groups.

    Returns:
        HTML.
    """
    found = studies(summary.groups)
    groups = [group for each in found.values() for group in each]
    shown = {group[:3]: each for group, each in zip(summary.groups, exhibits, strict=True)}
    names = {group[:3]: f"group-{index}" for index, group in enumerate(groups)}
    verdicts = [judge(group) for group in groups]
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        style=(FOLDER / "report.css").read_text(encoding="utf-8"),
        script=(FOLDER / "report.js").read_text(encoding="utf-8"),
        markers=MARKERS,
        map_side=MAP_SIDE,
        missing=MISSING,
        quick_notice=QUICK_NOTICE if summary.is_quick else "",
        lead=_lead(summary),
        software=software(summary),
        kinds=_kinds(summary.groups),
        preset=short(RECOMMENDED_PRESET),
        tally=tally(verdicts),
        verdict_headings=VERDICT_HEADINGS,
        verdicts=[_verdict(verdict, names[verdict.group[:3]]) for verdict in verdicts],
        studies=[
            {
                "id": f"study-{index}",
                "heading": f"{dataset}, {model}",
                "curves": _curves(each) if len(each) > 1 else [],
                "parts": [_part(group, names[group[:3]], shown[group[:3]]) for group in reversed(each)],
            }
            for index, ((dataset, model), each) in enumerate(found.items())
        ],
        columns=COLUMNS,
    )


def _kinds(groups: Iterable[Group]) -> dict[str, str]:
    """Kinds of samplers that there are."""
    found = {row.kind for group in groups for row in group.rows}
    return {kind: name for kind, name in KINDS.items() if kind in found}


def _lead(summary: Summary) -> str:
    rows = [row for group in summary.groups for row in group.rows]
    n_samplers = len({row.sampler for row in rows})
    n_cells = sum(row.n_seeds + row.n_failed for row in rows)
    datasets = ", ".join(dict.fromkeys(group.dataset for group in summary.groups))
    models = ", ".join(dict.fromkeys(group.model for group in summary.groups))
    own = ", each with its own model" if all(group.is_trained_here for group in summary.groups) else ""
    return (
        f"{n_samplers} samplers on trained variational autoencoders ({models}) of {datasets}: {n_cells:,} runs, scored "
        f"against {summary.heldout} data. Figures are means ± standard deviations over seeds{own}."
    )


def _verdict(verdict: Verdict, name: str) -> dict[str, Any]:
    conditions = [*(verdict.recommended or [None] * 3), *(verdict.default or [None] * 2), *(verdict.gap or [None])]
    return {
        "id": name,
        "group": verdict.group,
        "native": MISSING if verdict.native is None else verdict.native.sampler,
        "conditions": [_condition(condition, verdict.group) for condition in conditions],
    }


def _condition(condition: Condition | None, group: Group) -> dict[str, Any] | None:
    """Our figure, and the other after its sign; None where there is nothing to compare with."""
    if condition is None or condition.other is None:
        return None
    ours, sign, other = re.split(" ([≤≥<>]) ", condition_text(condition, group).removesuffix(" ≈"))
    return {
        "outcome": "pass" if condition.holds else "fail",
        "ours": ours,
        "other": f"{sign} {other}",
        "shortfall": "" if condition.holds or condition.shortfall is None else _difference(condition.shortfall),
        "within_spread": condition.within_spread,
    }


def _difference(value: float) -> str:
    """Two significant digits, all of them where it is large."""
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def _part(group: Group, name: str, exhibits: Sequence[Exhibit]) -> dict[str, Any]:
    """What the template shows of a group."""
    square = map_square(exhibits)
    mapped = [] if square is None else [exhibit for exhibit in exhibits if exhibit.positions]
    plots = {
        "Fréchet distance by authenticity": (
            novelty_plot(group),
            "Fidelity by novelty. Copies of training data are at the left, samples like held-out data at the top; "
            "the training data's own point is left out.",
        ),
        "Precision by recall": (
            recall_plot(group),
            "Precision by recall. Bars are one standard deviation over seeds on either side.",
        ),
    }
    return {
        "id": name,
        "title": f"{group.n_train:,} training data",
        "conditions": " ".join(conditions_of_run(group)),
        "columns": columns(group),
        "rows": _rows(group),
        "has_stars": any(figure.n < row.n_seeds for row in group.rows for figure in row.figures.values()),
        "failures": failures(group),
        "plots": [_plot(title, *each) for title, each in plots.items() if each[0] is not None],
        "first": next(iter(exhibits), None),
        "pictures": [exhibit for exhibit in exhibits if exhibit.picture],
        "maps": [(exhibit, cloud(exhibit.positions, square)) for exhibit in mapped],
        "real_cloud": "" if square is None else real_cloud(exhibits, square),
    }


def _curves(groups: Sequence[Group]) -> list[Mapping[str, str]]:
    found = {label: curve_plot(groups, key) for key, label in CURVES.items()}
    return [_plot(f"{label} by training data", figure, "") for label, figure in found.items() if figure is not None]


def _plot(title: str, figure: Figure, caption: str) -> Mapping[str, str]:
    source = f"data:image/svg+xml;base64,{b64encode(as_svg(figure).encode()).decode()}"
    return {"title": title, "source": source, "caption": caption}


def _rows(group: Group) -> list[dict[str, Any]]:
    """Rows of the table of all figures, each cell a mean and its spread."""
    digits = {column.key: decimals(column, group.rows) for column in columns(group)}
    widths = {
        key: max(len(_spread(row.figures.get(key), places)) for row in group.rows) for key, places in digits.items()
    }
    return [
        {
            "kind": row.kind,
            "sampler": row.sampler,
            "seeds": f"{row.n_seeds} of {row.n_seeds + row.n_failed} seeds" if row.n_failed else "",
            "cells": [_cell(row, key, places, widths[key]) for key, places in digits.items()],
        }
        for row in group.rows
    ]


def _cell(row: Row, key: str, digits: int, width: int) -> dict[str, str] | None:
    """A figure, its spread filled up with spaces as wide as figures, so that the means stand below one another."""
    figure = row.figures.get(key)
    if figure is None:
        return None
    return {
        "value": repr(figure.mean),
        "mean": f"{figure.mean:.{digits}f}".replace("-", "−"),
        "spread": _spread(figure, digits).ljust(width, "\u2007"),
        "lacking": f"{figure.n} of {row.n_seeds} seeds" if figure.n < row.n_seeds else "",
    }


def _spread(figure: Spread | None, digits: int) -> str:
    return "" if figure is None or figure.sd is None else f" ± {figure.sd:.{digits}f}"
