"""The figure of the benchmark: what methods gain, by how many examples there are."""

from collections.abc import Mapping
from typing import Any, Final

from matplotlib.figure import Figure

from .classifiers import CLASSIFIERS
from .summary import NOTHING

__all__ = ["gains_figure"]

LINES: Final = {
    "duplication": ("#9a9a9a", ":"),
    "SMOTE": ("#c7762b", "--"),
    "VAE prior": ("#7a5aa6", "--"),
    "VAE, GMM of each class": ("#4a8f4a", "--"),
    "ours: calibrated": ("#7fb2e5", "-"),
    "ours: default": ("#0b57a4", "-"),
}
"""Colour and stroke of the methods that are drawn."""


def gains_figure(summary: Mapping[str, Any]) -> Figure:
    """A panel for each classifier and data set: gain in accuracy (imbalanced: balanced accuracy) by training set."""
    data = list(summary["data"])
    figure = Figure(figsize=(3.2 * len(data), 5.6), layout="constrained")
    axes = figure.subplots(2, len(data), squeeze=False, sharey="row")
    for column, name in enumerate(data):
        rows = [row for row in summary["scores"] if row["data"] == name]
        regimes = list(dict.fromkeys(row["regime"] for row in rows))
        for axis, (key, title) in zip(axes[:, column], CLASSIFIERS.items(), strict=True):
            score = {(row["regime"], row["method"]): row["scores"][key] for row in rows}
            for method, (colour, stroke) in LINES.items():
                gains = [_gain(score, regime, method) for regime in regimes]
                axis.plot(range(len(regimes)), gains, stroke, color=colour, label=method, marker="o", markersize=3.5)
            axis.axhline(0, color="black", linewidth=0.8)
            axis.set_xticks(range(len(regimes)), [regime.replace(" per class", "") for regime in regimes])
            axis.set_title(f"{name}: {title}", fontsize=10)
            axis.grid(alpha=0.25)
        axes[1, column].set_xlabel("examples of each class, or imbalance")
    for axis in axes[:, 0]:
        axis.set_ylabel(f"points over {NOTHING}")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(LINES), fontsize=8.5, frameon=False)
    figure.suptitle("What classifiers gain from synthetic data", fontsize=12)
    return figure


def _gain(score: Mapping[tuple[str, str], Any], regime: str, method: str) -> float:
    """Points over nothing added; NaN where the method was not run, or failed throughout."""
    metric = "accuracy" if regime.endswith("per class") else "balanced accuracy"
    own = score.get((regime, method), {}).get(metric)
    return float("nan") if own is None else 100 * (own - score[regime, NOTHING][metric])
