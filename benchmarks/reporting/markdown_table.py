"""Markdown tables out of rows of figures."""

import math
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["markdown_table"]

Value = float | str | None


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
        return "–"
    return f"{value:.{digits}f}" if isinstance(value, float) else str(value)


def _line(cells: Sequence[str], widths: Sequence[int], is_text: Sequence[bool]) -> str:
    columns = zip(cells, widths, is_text, strict=True)
    return "| " + " | ".join(cell.ljust(width) if text else cell.rjust(width) for cell, width, text in columns) + " |"
