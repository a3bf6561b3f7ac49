"""Which of many variants to take, by a rule that was fixed before the figures were in.

On each model (data set × size × kind) the variants that generate are ranked by Fréchet distance and by coverage, each
after averaging over seeds. A variant that copies there, with an authenticity below 1/4 and below that of the
reconstructions, is marked. Of the variants of a family that copy nowhere the one with the lowest mean rank is taken.
"""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from ...reporting.markdown_table import markdown_table
from ..compare.report.summary import RECONSTRUCTIONS, Group, Row, Summary
from ..compare.report.verdicts import MIN_AUTHENTICITY

__all__ = ["family", "ranked", "table"]


def family(variant: str) -> str:
    """The preset that a variant belongs to, which its name begins with."""
    return variant.split(",")[0]


def ranked(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """One row a variant that was run on every model: mean ranks and means, the best of each family marked."""
    shared = set.intersection(*({row.sampler for row in _generating(group)} for group in groups))
    found = []
    for sampler in sorted(shared):
        rows = [group.row(sampler) for group in groups]
        places = [_place(group, sampler, shared) for group in groups]
        found.append(
            {
                "sampler": sampler,
                "rank": fmean(fmean(place) for place in places),
                "distance_rank": fmean(place[0] for place in places),
                "coverage_rank": fmean(place[1] for place in places),
                "copies": sum(_copies(group, row) for group, row in zip(groups, rows, strict=True)),
                **{key: fmean(row.figures[key].mean for row in rows) for key in ("coverage", "authenticity")},
                "ours": rows[0].kind == "ours",
            }
        )
    for name in {family(row["sampler"]) for row in found if row["ours"]}:
        own = [row for row in found if family(row["sampler"]) == name and row["copies"] == 0]
        if own:
            min(own, key=lambda row: row["rank"])["taken"] = True
    return sorted(found, key=lambda row: row["rank"])


def _generating(group: Group) -> list[Row]:
    return [row for row in group.rows if row.kind != "ceiling" and "frechet_distance" in row.figures]


def _place(group: Group, sampler: str, among: set[str]) -> tuple[int, int]:
    """Ranks from 1, the best, by Fréchet distance and by coverage."""
    rows = [row for row in _generating(group) if row.sampler in among]
    orders = (
        sorted(rows, key=lambda row: row.figures["frechet_distance"].mean),
        sorted(rows, key=lambda row: -row.figures["coverage"].mean),
    )
    first, second = ([row.sampler for row in order].index(sampler) + 1 for order in orders)
    return first, second


def _copies(group: Group, row: Row) -> bool:
    ceiling = group.row(RECONSTRUCTIONS)
    limit = MIN_AUTHENTICITY if ceiling is None else min(MIN_AUTHENTICITY, ceiling.figures["authenticity"].mean)
    return row.figures["authenticity"].mean < limit


def table(figures: dict[str, Any]) -> str:
    """Rankings of a stored summary; the variant that the rule takes in each family is bold.

    First all models, with the variants that were run on each; then those models that had more variants, if any.
    """
    groups = Summary.parse(figures).groups
    most = max(len(group.rows) for group in groups)
    widest = [group for group in groups if len(group.rows) == most]
    parts = [groups] if len(widest) == len(groups) else [groups, widest]
    return "\n\n".join(_ranking(part, figures["heldout"]) for part in parts)


def _ranking(groups: Sequence[Group], heldout: str) -> str:
    rows = ranked(groups)
    models = ", ".join(f"{group.dataset} {group.model} ({len(group.seeds)})" for group in groups)
    shown = [{**row, "sampler": f"**{row['sampler']}**" if row.get("taken") else row["sampler"]} for row in rows]
    headings = {
        "sampler": "variant",
        "rank": "mean rank",
        "distance_rank": "by FD",
        "coverage_rank": "by coverage",
        "copies": "copies on",
        "coverage": "coverage ↑",
        "authenticity": "authenticity ↑",
    }
    heading = f"{len(rows)} variants on {len(groups)} models against {heldout} data (seeds): {models}."
    return f"{heading}\n\n{markdown_table(shown, headings, digits=2)}"
