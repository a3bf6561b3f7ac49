"""Rows of figures, one for each seed, as lines of means and standard deviations."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .spreads import Spread, shown

__all__ = ["averaged", "rounded"]


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
    """Floats, in lists and mappings too, with the five digits that are stored; None for those that are not finite."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
