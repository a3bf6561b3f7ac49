"""The report of a comparison: its cells averaged and judged, as tables, as one page, and as pictures."""

import argparse
import json
import re
from pathlib import Path

from ....harness.provenance import replace_file
from ....reporting.images import write_figure
from .averaging import summarise
from .cells import BrokenCellError, read_cells
from .exhibits import find_exhibits
from .html_page import page
from .markdown import all_tables, table
from .plots import curve_figure, fidelity_novelty
from .selection import studies
from .summary import Summary

__all__ = ["main", "table", "write_report"]


def write_report(cells_folder: Path, output: Path, feature_map: str | None = None) -> list[Path]:
    """Read all cells, then write all that is made of them, each file whole or not at all.

    Args:
        cells_folder: Folder of the cells.
        output: Folder to write to.
        feature_map: Short name of the feature map whose scores are wanted (default: the first of each cell).

    Returns:
        The files that were written.

    Raises:
        BrokenCellError: A cell cannot be read, or was not scored on that feature map.
        FileNotFoundError: There are no cells.
    """
    cells = read_cells(cells_folder)
    text = summarise(cells, feature_map).text()
    figures = json.loads(text)
    summary = Summary.parse(figures)  # everything shows the figures that are stored
    exhibits = [find_exhibits(cells, cells_folder, group) for group in summary.groups]
    contents = {"summary.json": text, "tables.md": all_tables(figures), "report.html": page(summary, exhibits)}
    drawings = {
        f"curves_{_slug(dataset)}_{_slug(model)}.png": curve_figure(groups)
        for (dataset, model), groups in studies(summary.groups).items()
        if len(groups) > 1
    }
    if (figure := fidelity_novelty(summary.groups)) is not None:
        drawings["fidelity_novelty.png"] = figure
    for name, content in contents.items():
        replace_file(output / name, content.encode())
    for name, figure in drawings.items():
        write_figure(figure, output / name)
    return [output / name for name in (*contents, *drawings)]


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")


def main(arguments: list[str]) -> None:
    """Write the report and say what was written.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks report", description=__doc__)
    parser.add_argument("--cells", type=Path, required=True, help="folder that `python -m benchmarks compare` wrote")
    parser.add_argument("--output", type=Path, required=True, help="folder for tables, page and pictures")
    parser.add_argument("--features", help="feature map whose scores are reported (default: the first of each cell)")
    options = parser.parse_args(arguments)
    try:
        written = write_report(options.cells, options.output, options.features)
    except (BrokenCellError, FileNotFoundError) as error:
        raise SystemExit(str(error)) from error
    print(table(json.loads((options.output / "summary.json").read_text(encoding="utf-8"))))
    print("\nWritten: " + ", ".join(f"{path} ({path.stat().st_size / 1024:,.0f} kB)" for path in written))
