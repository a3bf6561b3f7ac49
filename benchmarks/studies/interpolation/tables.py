"""The figures as Markdown, means and standard deviations over seeds."""

import math
from collections.abc import Mapping
from typing import Any, Final

from ...models.trained import MODEL
from ...reporting.markdown_table import averaged, markdown_table, note_quick
from ...reporting.spreads import MISSING
from ...reporting.units import readable_ratio, readable_seconds

__all__ = ["study_table", "table"]

Figures = Mapping[str, Any]

HEADINGS: Final = {
    "data": "data, d",
    "path": "path",
    "error": "error ↓",
    "worst_error": "worst ↓",
    "nearest": "nearest ↓",
    "worst_nearest": "worst ↓",
    "roughness": "roughness ↓",
    "cost_ratio": "cost / straight",
    "leaves_data": "leaves data",
    "converged": "converged",
    "seconds": "s",
}
DIGITS: Final = {key: 2 for key in HEADINGS if key not in ("data", "path")} | {
    "cost_ratio": 3,
    "roughness": 3,
    "seconds": 1,
}
"""Decimals of each figure."""

STUDY_KEYS: Final = ("data", "path", "error", "worst_error", "nearest", "worst_nearest", "roughness", "converged")


def table(figures: Figures) -> str:
    """What the figures were made of, one table of paths and one of seconds."""
    settings = "; ".join(
        f"d = {dim}: exponent {each['exponent']:.3g}, temperature {each['temperature']:.3g}, islands "
        f"{each['island_scale']:.3g} posterior deviations wide"
        for dim, each in figures["config"]["settings"].items()
    )
    parts = [_caption(figures, settings), markdown_table(averaged(figures["rows"], "path", DIGITS), HEADINGS)]
    if "speed" in figures:
        parts += [_speed_caption(figures["speed"]), markdown_table(_speed_lines(figures["speed"]), SPEED_HEADINGS)]
    return note_quick("\n\n".join(parts), figures)


def study_table(figures: Figures) -> str:
    """Exponents and island scales on validation pairs, beside straight lines."""
    lines = averaged(figures["rows"], "path", DIGITS)
    caption = _caption(figures, "G at islands so many posterior deviations wide")
    text = f"{caption}\n\n{markdown_table(lines, {key: HEADINGS[key] for key in STUDY_KEYS})}"
    return note_quick(text, figures)


def _caption(figures: Figures, settings: str) -> str:
    config, env = figures["config"], figures["environment"]
    facts = "; ".join(
        f"{name}: {fact['n_train']:,} training data, features {fact['features']}"
        + (f" ({fact['accuracy']:.1%} right on held-out data)" if fact["accuracy"] is not None else "")
        for name, fact in config["data"].items()
    )
    versions = ", ".join(f"{name} {number}" for name, number in env["versions"].items())
    return "\n".join(
        f"- {line}"
        for line in [
            f"{config['n_pairs']} pairs of {config['heldout']} codes, {config['n_points']} points on each path; mean ± "
            f"standard deviation over {config['n_seeds']} seeds, each with its own {MODEL} of {config['n_steps']:,} "
            f"steps. {facts}.",
            "*error*: ‖x − decode(encode(x))‖ of the decoded frames x; *nearest*: distance in features to the nearest "
            "training datum; *worst*: of each path's worst frame; *roughness*: size of the second differences of the "
            "frames.",
            f"Ours: least ∫ V |γ'| with V = (det G)^(−exponent/2); {settings}. *cost*: that integral, as a geometric "
            "mean of ratios. *leaves data*: share of paths on which G sinks to its floor. Seconds of all pairs.",
            f"Python {env['python']}, {versions}, {env['threads']} threads.",
        ]
    )


SPEED_HEADINGS: Final = {
    "name": "geodesics",
    "seconds": "seconds",
    "ratio": "time / ours",
    "length": "length / ours",
    "note": "note",
}


def _speed_caption(speed: Figures) -> str:
    text = (
        f"{speed['n_pairs']} curves of one synthetic metric in one batch: d = {speed['dim']}, "
        f"K = {speed['n_centroids']:,}, one thread. *length*: by the line element of `interpolate`, as a geometric "
        "mean of ratios."
    )
    return f"{text} stochman {speed['stochman']}." if speed["stochman"] else text


def _speed_lines(speed: Figures) -> list[dict[str, str]]:
    ours = speed["rows"][0]
    return [
        {
            "name": row["name"],
            "seconds": MISSING if row["seconds"] is None else readable_seconds(row["seconds"]),
            "ratio": MISSING if row["seconds"] is None else readable_ratio(row["seconds"] / ours["seconds"]),
            "length": MISSING
            if row["log_length"] is None
            else f"{math.exp(row['log_length'] - ours['log_length']):.3f}",
            "note": row["note"],
        }
        for row in speed["rows"]
    ]
