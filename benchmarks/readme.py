"""Make every table of the documents from the committed results; nothing in them is typed by hand."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .harness.provenance import replace_file
from .studies import adapters, augment, clustering, demo, exactness, interpolation, novelty, speed
from .studies.compare.report import run as report
from .studies.compare.report.markdown import all_tables
from .studies.presets import ranking

__all__ = ["DOCUMENTS", "RESULTS", "filled", "main"]

RECOMMENDED = "ours: local"

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def _evidence(figures: dict[str, Any]) -> str:
    """The recommended preset beside the best sampler of the models' own library, in one sentence."""
    rivals: dict[tuple[str, int, str], dict[str, Any]] = {}
    ours: dict[tuple[str, int, str], dict[str, Any]] = {}
    for row in figures["rows"]:
        model = (row["dataset"], row["n_train"], row["model"])
        means = {name: spread[0] for name, spread in row["figures"].items() if spread is not None}
        if row["sampler"] == RECOMMENDED:
            ours[model] = means
        elif row["kind"] == "native" and row["error"] is None:
            rivals[model] = min(rivals.get(model, means), means, key=lambda found: found["frechet_distance"])
    n = len(ours)
    closer = sum(ours[model]["frechet_distance"] < rivals[model]["frechet_distance"] for model in ours)
    wider = sum(ours[model]["coverage"] >= rivals[model]["coverage"] for model in ours)
    novelty = [means["authenticity"] for means in ours.values()]
    return (
        f'On {closer} of {n} models preset `"local"` has a lower Fréchet distance to held-out data than the best of '
        f"pythae's own samplers, and on {wider} of {n} it covers at least as much of them (means of three trainings; "
        f"some differences are within their spread). Its authenticity is {min(novelty):.2f} to {max(novelty):.2f}: "
        "copies of the training data have 0, fresh draws a third to a half."
    )


TABLES: dict[str, tuple[Path, Callable[[dict[str, Any]], str]]] = {
    "adapters": (RESULTS / "adapters.json", adapters.table),
    "augment": (RESULTS / "augment" / "summary.json", augment.table),
    "clustering": (RESULTS / "clustering.json", clustering.table),
    "compare": (RESULTS / "compare" / "summary.json", report.table),
    "demo": (RESULTS / "demo" / "table.json", demo.table),
    "evidence": (RESULTS / "compare" / "summary.json", _evidence),
    "exactness": (RESULTS / "exactness.json", exactness.table),
    "interpolation": (RESULTS / "interpolation.json", interpolation.table),
    "interpolation-study": (RESULTS / "interpolation-study.json", interpolation.study_table),
    "novelty": (RESULTS / "novelty.json", novelty.table),
    "low-data": (RESULTS / "low-data" / "summary.json", report.table),
    "novelty-sizes": (RESULTS / "novelty-sizes" / "novelty.json", novelty.table),
    "speed": (RESULTS / "speed.json", speed.table),
    "study": (RESULTS / "study" / "summary.json", ranking.table),
}

FILES: dict[Path, tuple[Path, Callable[[dict[str, Any]], str]]] = {
    RESULTS / study / "tables.md": (RESULTS / study / "summary.json", all_tables)
    for study in ("compare", "low-data", "study")
}
"""Pages of all figures, beside the results that they are made from."""

DOCUMENTS: dict[Path, tuple[str, ...]] = {
    ROOT / "README.md": ("evidence",),
    **{
        ROOT / "docs" / "results" / f"{page}.md": names
        for page, names in {
            "adapters": ("adapters",),
            "augmentation": ("augment",),
            "clustering": ("clustering",),
            "compare": ("compare",),
            "demo": ("demo",),
            "exactness": ("exactness",),
            "interpolation": ("interpolation", "interpolation-study"),
            "low-data": ("low-data",),
            "presets": ("study", "novelty", "novelty-sizes"),
            "speed": ("speed",),
        }.items()
    },
}
"""The tables of each document."""


def filled(text: str, names: tuple[str, ...]) -> str:
    """The text with each marked table made from its results."""
    for name in names:
        path, table = TABLES[name]
        figures = json.loads(path.read_text())
        pattern = rf"(<!-- begin {name} \((.*?)\) -->\n).*?(<!-- end {name} -->)"

        def block(match: re.Match[str], figures: dict[str, Any] = figures, table: Any = table) -> str:
            source = f"`{match[2]}`, commit {figures['environment']['commit']}:"
            return f"{match[1]}\n{source}\n\n{table(figures)}\n\n{match[3]}"

        text, n_found = re.subn(pattern, block, text, flags=re.DOTALL)
        if n_found != 1:
            msg = f"The document must hold one table marked {name!r}, it holds {n_found}."
            raise SystemExit(msg)
    return text


def main(arguments: list[str]) -> None:
    """Fill the documents in place, and write the pages of all figures.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    argparse.ArgumentParser(prog="python -m benchmarks readme", description=__doc__).parse_args(arguments)
    for path, names in DOCUMENTS.items():
        replace_file(path, filled(path.read_text(), names).encode())
    for path, (source, make) in FILES.items():
        replace_file(path, make(json.loads(source.read_text())).encode())
