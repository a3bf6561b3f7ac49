"""Pictures of the sections."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ...reporting.units import readable_ratio, readable_seconds

__all__ = ["PICTURES", "gradient_picture", "growth_picture", "race_picture"]

Figures = Mapping[str, Any]
OURS, OTHERS, GUIDE = "#8c2981", "#9aa5b1", "#5a5a5a"


def gradient_picture(found: Figures) -> Figure:
    """How many times longer the dense form takes, over dimensions and centroids, for each dtype."""
    dtypes, dims, centroids = (sorted({row[key] for row in found["rows"]}) for key in ("dtype", "dim", "n_centroids"))
    dtypes = dtypes[::-1]
    figure = Figure(figsize=(4.6 * len(dtypes), 3.4), layout="constrained")
    values = [row["ratio"] for row in found["rows"]]
    norm = LogNorm(min(values) / 2, max(values))
    for axis, dtype in zip(figure.subplots(1, len(dtypes), squeeze=False)[0], dtypes, strict=True):
        ratios = np.full((len(dims), len(centroids)), np.nan)
        for row in found["rows"]:
            if row["dtype"] == dtype:
                place = dims.index(row["dim"]), centroids.index(row["n_centroids"])
                ratios[place] = row["ratio"]
                text = f"{'≈ ' * row['dense_is_scaled']}{row['ratio']:,.0f}"
                color = "white" if norm(row["ratio"]) < 0.6 else "black"
                axis.text(*place[::-1], text, ha="center", va="center", color=color, fontsize=9)
        axis.imshow(ratios, norm=norm, cmap="magma", aspect="auto")
        axis.set_xticks(range(len(centroids)), [f"{k:,}" for k in centroids])
        axis.set_yticks(range(len(dims)), dims)
        axis.set(xlabel="centroids", ylabel="dimensions", title=dtype)
    figure.suptitle(f"Dense form / ours, one gradient at {found['n_chains']} chains, one thread", fontsize=11)
    return figure


def growth_picture(found: Figures) -> Figure:
    """Seconds of a gradient along each axis, and a line of exponent 1 through the largest."""
    names = {"n_centroids": "centroids", "dim": "dimensions", "n_chains": "chains"}
    figure = Figure(figsize=(3.6 * len(found["time"]), 3.3), layout="constrained")
    axes = figure.subplots(1, len(found["time"]), squeeze=False)[0]
    for axis, (name, grown) in zip(axes, found["time"].items(), strict=True):
        sizes, seconds = np.array(grown["sizes"]), np.array(grown["seconds"])
        axis.loglog(sizes, seconds[-1] * sizes / sizes[-1], "--", color=GUIDE, linewidth=1)
        axis.loglog(sizes, seconds, "o-", color=OURS)
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        axis.set_xticks([], minor=True)
        axis.set(xlabel=names[name], title=f"exponent {grown['exponent']:.2f}")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds")
    lines = [Line2D([], [], color=OURS, marker="o"), Line2D([], [], color=GUIDE, linestyle="--", linewidth=1)]
    axes[0].legend(lines, ["one gradient", "linear"], fontsize=8)
    return figure


def race_picture(found: Figures) -> Figure:
    """Seconds to all samples, fit included."""
    rows = found["rows"]
    figure = Figure(figsize=(8.5, 0.38 * len(rows) + 1.2), layout="constrained")
    axis = figure.subplots()
    totals = [row["total"] for row in rows]
    is_ours = [row["sampler"].startswith("ours") for row in rows]
    styles = [{"hatch": "///"} if row["extrapolated"] else {} for row in rows]
    for place, (total, own, style) in enumerate(zip(totals, is_ours, styles, strict=True)):
        axis.barh(place, total, color=OURS if own else OTHERS, edgecolor="white", **style)
        text = readable_seconds(total, extrapolated=bool(style))
        axis.text(total * 1.15, place, text, va="center", fontsize=9)
    axis.set_yticks(range(len(rows)), [row["sampler"] for row in rows])
    axis.invert_yaxis()
    axis.set_xscale("log")
    axis.set_xlim(min(totals) / 2, max(totals) * 12)
    axis.set_xlabel(f"seconds to {found['n_samples']:,} latents, fit included")
    ends = found["converged"]
    faster = readable_ratio(ends["ratio_with_fit"])
    axis.set_title(f"{ends['n_samples']:,} converged samples against the published dynamics: {faster}", fontsize=10)
    hatched = Patch(facecolor=OTHERS, edgecolor="white", hatch="///")
    axis.legend([hatched], ["extrapolated"], loc="upper right", fontsize=8)
    return figure


PICTURES: dict[str, Callable[[Figures], Figure]] = {
    "gradient": gradient_picture,
    "growth": growth_picture,
    "race": race_picture,
}
"""Sections that have one."""
