"""Tables of the benchmark: gains with their intervals, and every score."""

from collections.abc import Mapping
from typing import Any, Final

from ...reporting.markdown_table import markdown_table, note_quick
from .classifiers import CLASSIFIERS
from .summary import GROUPS, NOTHING

__all__ = ["all_tables", "gains_table", "table"]

METRICS: Final = ("accuracy", "balanced accuracy", "macro F1")

Interval = list[float | None] | None


def _points(interval: Interval) -> str:
    """A gain in points, in bold where its interval excludes zero."""
    if interval is None or interval[0] is None:
        return "–"
    mean, half = interval
    text = f"{100 * mean:+.1f}".replace("-", "−")
    if half is None:
        return text
    text = f"{text} ± {100 * half:.1f}"
    return f"**{text}**" if abs(mean) > half else text


def gains_table(summary: Mapping[str, Any], group: str, rival: str = NOTHING) -> str:
    """What every method gains over a rival in a group of training sets, in points."""
    found, data = summary["gains"][group], list(summary["data"])
    rows = []
    for method, gains in found["rivals"][rival].items():
        row: dict[str, Any] = {"method": method, **{name: _points(gains["data"][name]) for name in data}}
        row |= {"all": _points(gains["all"])}
        row |= {key: _points(gains["classifiers"][key]) for key in CLASSIFIERS}
        authenticity = found["authenticity"][method]
        rows.append({**row, "authenticity": "–" if authenticity is None else f"{authenticity:.2f}"})
    headings = {"method": "added", **{name: name for name in data}, "all": "mean of these", **CLASSIFIERS}
    return markdown_table(rows, {**headings, "authenticity": "authenticity"})


def rivals_table(summary: Mapping[str, Any]) -> str:
    """What our presets gain over each rival, on average."""
    rows = []
    for method in summary["methods"]:
        if method.startswith("ours"):
            row = {"method": method}
            for key in GROUPS:
                for rival, gains in summary["gains"][key].get("rivals", {}).items():
                    row[f"{key} {rival}"] = _points(gains[method]["all"])
            rows.append(row)
    headings = {key: "{}: over {}".format(*key.split(" ", 1)) for key in rows[0] if key != "method"}
    return markdown_table(rows, {"method": "added", **headings})


def conditions(summary: Mapping[str, Any]) -> str:
    """What was run."""
    data = "; ".join(
        f"{name}: {facts['n_heldout']:,} held-out data, "
        + ", ".join(f"{regime}: {_counts(counts)}" for regime, counts in facts["counts"].items())
        for name, facts in summary["data"].items()
    )
    versions = ", ".join(f"{name} {number}" for name, number in summary["environment"]["versions"].items())
    return "\n".join(
        [
            f"- Points of accuracy (imbalanced: of balanced accuracy) on the {summary['heldout']} part; mean and 95 % "
            f"interval over {summary['n_seeds']} seeds, each with its own training sets and model; **bold** where it "
            "excludes zero. *Authenticity*: share of the added data that are no near copies of the real ones.",
            f"- Real examples of the classes: {data}.",
            f"- Commit {', '.join(summary['commits'])}, {versions}.",
        ]
    )


def _counts(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"{low}" if low == high else f"{low} to {high}"


def table(summary: Mapping[str, Any]) -> str:
    """The tables of the README."""
    parts = []
    for key, group in GROUPS.items():
        if summary["gains"][key]:
            parts += [f"**{group.title[0].upper()}{group.title[1:]}**", gains_table(summary, key)]
    parts += ["**Ours against others, mean over the data sets**", rivals_table(summary), conditions(summary)]
    return note_quick("\n\n".join(parts), summary)


def all_tables(summary: Mapping[str, Any]) -> str:
    """All scores as a page of Markdown."""
    headings = {"regime": "training set", "method": "added"}
    for key, name in CLASSIFIERS.items():
        headings |= {f"{key} {metric}": f"{name}: {metric}" for metric in METRICS}
    headings |= {"authenticity": "authenticity", "seconds": "s", "n": "seeds"}
    parts = ["# Classifiers on filled-up training sets", conditions(summary)]
    for data in summary["data"]:
        rows = []
        for row in (row for row in summary["scores"] if row["data"] == data):
            scores = {f"{key} {metric}": row["scores"][key][metric] for key in CLASSIFIERS for metric in METRICS}
            n = f"{row['n']}" if not row["n_failed"] else f"{row['n']}, {row['n_failed']} failed"
            rows.append({**row, **scores, "n": n})
        parts += [f"## {data}", note_quick(markdown_table(rows, headings), summary)]
        errors = sorted(
            {f"{row['method']}: {error}" for row in summary["scores"] if row["data"] == data for error in row["errors"]}
        )
        parts += ["Failures:", "\n".join(f"- {error}" for error in errors)] if errors else []
    return "\n\n".join(parts) + "\n"
