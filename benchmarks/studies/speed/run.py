"""The command: every section in a process of its own, its figures written as soon as it ends."""

import argparse
import json
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...harness.provenance import environment, replace_file, write_json
from ...harness.timing import ONE_THREAD, Effort, in_own_process
from ...reporting.images import write_figure
from .figures import PICTURES
from .summary import table
from .tables import full_tables, missing

__all__ = ["SECTIONS", "main", "run_section"]

SECTIONS: dict[str, Mapping[str, str]] = {
    "gradient": ONE_THREAD,
    "race": {},
    "ess": ONE_THREAD,
    "growth": ONE_THREAD,
    "processes": {},
    "scale": {},
    "cuda": {},
}
"""Environment variables of each section's process; where there are none, torch chooses the number of threads."""


def run_section(name: str, effort: Effort) -> dict[str, Any]:
    """The figures of a section, measured in this process."""
    return import_module(f"{__package__}.{name}").measure(effort)


def _figures(name: str, effort: Effort) -> dict[str, Any]:
    """The figures of a section, measured in a process of its own; its failure is noted, and the next one is run."""
    try:
        return in_own_process(run_section, name, effort, variables=SECTIONS[name])
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".replace("\n", " ")}


def main(arguments: list[str]) -> None:
    """Run sections, print the tables, write JSON, Markdown and pictures; status 1 if a section failed.

    Figures that the folder holds of other sections stay, with the commit that gave them.
    """
    package = sys.modules[__package__]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks speed",
        description=package.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to run; others keep theirs"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and single rounds, to see that all works")
    parser.add_argument("--flow-epochs", type=int, help="epochs of pythae's flows (default: 100, or 1 with --quick)")
    parser.add_argument("--output", type=Path, default=Path("benchmark_output"), help="folder for what is written")
    options = parser.parse_args(arguments)
    flow_epochs = options.flow_epochs or (1 if options.quick else Effort.flow_epochs)
    effort = Effort(quick=options.quick, flow_epochs=flow_epochs)

    path = options.output / "speed.json"
    figures: dict[str, Any] = {"sections": json.loads(path.read_text())["sections"] if path.exists() else {}}
    figures |= {"environment": environment("pythae"), "quick": options.quick}
    for name in tqdm([name for name in SECTIONS if name in options.only], desc="speed", unit="section"):
        figures["sections"][name] = {**_figures(name, effort), "commit": figures["environment"]["commit"]}
        write_json(path, figures)
        if name in PICTURES and missing(figures, name) is None:
            write_figure(PICTURES[name](figures["sections"][name]), options.output / f"speed-{name}.png", dpi=110)
    replace_file(options.output / "speed.md", full_tables(figures).encode())
    print(full_tables(figures))
    print(table(figures))
    failed = [name for name, found in figures["sections"].items() if "error" in found]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")
