"""Markdown tables of rows of figures, and their averages over seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from .spreads import MISSING, SIGNIFICANT_DIGITS, Spread, shown

__all__ = ["QUICK_NOTICE", "Aligned", "averaged", "markdown_table", "note_quick", "rounded"]

QUICK_NOTICE: Final = "Run with --quick, on too little of everything: these figures mean nothing."
"""What stands above tables that ``--quick`` makes."""


class Aligned(NamedTuple):
    """Text that is set to the right, as figures are."""

    text: str

    def __str__(self) -> str:
        return self.text


Value = float | str | Aligned | None


def markdown_table(rows: Iterable[Mapping[str, Value]], headings: Mapping[str, str], *, digits: int = 3) -> str:
    """One line a row; columns are the keys of ``headings``, in its order, words to the left and figures to the right.

    Args:
        rows: Figures by key; None or NaN, for what does not apply, is shown as a dash.
        headings: Heading of each key.
        digits: Decimals of floats.

    Returns:
        The table, without a line break at its end.
    """
    rows = list(rows)
    cells = [list(headings.values()), *([_shown(row[key], digits) for key in headings] for row in rows)]
    widths = [max(2, *map(len, column)) for column in zip(*cells, strict=True)]
    is_text = [all(isinstance(row[key], str | None) for row in rows) for key in headings]
    rule = ["-" * width if text else "-" * (width - 1) + ":" for width, text in zip(widths, is_text, strict=True)]
    return "\n".join(_line(line, widths, is_text) for line in (cells[0], rule, *cells[1:]))


def _shown(value: Value, digits: int) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int], is_text: Sequence[bool]) -> str:
    columns = zip(cells, widths, is_text, strict=True)
    return "| " + " | ".join(cell.ljust(width) if text else cell.rjust(width) for cell, width, text in columns) + " |"


def note_quick(text: str, figures: Mapping[str, Any]) -> str:
    """Put the notice of ``--quick`` above tables if their figures were made by it."""
    return f"**{QUICK_NOTICE}**\n\n{text}" if figures.get("quick") else text


def averaged(rows: Sequence[Mapping[str, Any]], name: str, digits: Mapping[str, int]) -> list[dict[str, str]]:
    """A line for each name on each data set and latent dimension, in the order of the rows.

    Args:
        rows: Figures with their ``data``, ``dim`` and name; None or nothing stands for a figure that there is not.
        name: Key of the name.
        digits: Decimals of each figure that is wanted.

    Returns:
        Lines for `markdown_table`, with the key ``data`` for data set and dimension, which only the first line of
        each tells.
    """
    lines, last = [], None
    for place in dict.fromkeys((row["data"], row["dim"], row[name]) for row in rows):
        mine = [row for row in rows if (row["data"], row["dim"], row[name]) == place]
        data, dim, own_name = place
        title = f"{data}, {dim}"
        figures = {key: [row[key] for row in mine if row.get(key) is not None] for key in digits}
        cells = {
            key: shown(Spread.of(values) if values else None, digits[key], len(mine) if values else None)
            for key, values in figures.items()
        }
        lines.append({"data": "" if title == last else title, name: own_name, **cells})
        last = title
    return lines


def rounded(value: Any) -> Any:
    """Floats, in lists and mappings too, with as many digits as are stored; None for those that are not finite."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    return value
