"""The command: every model one after the other, then the race, tables and pictures."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from riemann_sampler.geometry import ConformalMetric
from riemann_sampler.metric import island_scale

from ...data.features import FeatureMap, feature_maps
from ...harness.provenance import environment, write_json
from ...harness.timing import in_own_process
from ...models.trained import Trained, add_options, trained_models
from ...reporting.images import write_figure
from ...reporting.markdown_table import rounded
from .bench import Bench
from .methods import METHODS, Method, study_methods
from .pictures import map_picture, strips_picture
from .speed import measure
from .tables import study_table, table

__all__ = ["main"]

FEATURES: Final = "classifier"
QUICK: Final = {"dims": [2], "seeds": 1, "pairs": 10, "points": 12, "steps": 200}
"""What ``--quick`` sets."""


def main(arguments: list[str]) -> None:
    """Print the tables, write them as JSON and the pictures.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    options = _options(arguments)
    if options.study:
        figures, _ = _measured(options, study_methods(), "validation")
        write_json(options.output / "interpolation-study.json", rounded(figures))
        print(study_table(rounded(figures)))
        return
    figures, shown = _measured(options, METHODS, "test")
    figures = rounded({**figures, "speed": in_own_process(measure, options.quick)})
    write_json(options.output / "interpolation.json", figures)
    print(table(figures))
    _draw(shown, options.output)


def _measured(
    options: argparse.Namespace, methods: Mapping[str, Method], part: Literal["test", "validation"]
) -> tuple[dict[str, Any], dict[tuple[str, int], Bench]]:
    """All figures of all models, and the benches of the first seed by data set and dimension."""
    rows, facts, settings, shown = [], {}, {}, {}
    for place, model in trained_models(options, "interpolation", heldout=part):
        data, dim, seed = place.values()
        features = feature_maps(data, [FEATURES], heldout=part, folder=options.cache)[FEATURES]
        bench = Bench.of(model, features, options.pairs, seed)
        rows += [{**place, **row} for row in bench.rows(methods, options.points)]
        facts[data] = _facts(model, features)
        settings[str(dim)] = _settings(bench)
        shown.setdefault((data, dim), bench)
    config = {
        "heldout": part,
        "n_pairs": options.pairs,
        "n_points": options.points,
        "n_seeds": options.seeds,
        "n_steps": options.steps,
        "data": facts,
        "settings": settings,
    }
    run = {"environment": environment("pythae", "matplotlib"), "quick": options.quick, "config": config, "rows": rows}
    return run, shown


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks interpolation",
        description=sys.modules[__package__].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser, QUICK)
    parser.add_argument("--pairs", type=int, default=200, help="pairs of held-out codes (default: 200)")
    parser.add_argument("--points", type=int, default=64, help="points on each path (default: 64)")
    parser.add_argument("--study", action="store_true", help="try exponents and island scales on validation codes")
    return parser.parse_args(arguments)


def _facts(model: Trained, features: FeatureMap) -> dict[str, Any]:
    return {"n_train": len(model.split.train), "features": features.name, "accuracy": features.heldout_accuracy}


def _settings(bench: Bench) -> dict[str, float]:
    """What our interpolations are made by in a latent space of this dimension."""
    metric = bench.path_metric
    return {
        "exponent": ConformalMetric(metric).exponent,
        "temperature": metric.temperature,
        "island_scale": island_scale(metric.temperature, metric.volume_exponent, metric.dim),
    }


def _draw(shown: dict[tuple[str, int], Bench], folder: Path) -> None:
    """Strips of the largest dimension, and maps of the first data set with two."""
    largest = max(dim for _, dim in shown)
    strips = {data: bench for (data, dim), bench in shown.items() if dim == largest}
    written = [folder / "interpolation.png"]
    write_figure(strips_picture(strips), written[0], dpi=100)
    flat = [bench for (_, dim), bench in shown.items() if dim == 2]
    if flat:
        written.append(folder / "interpolation-map.png")
        write_figure(map_picture(flat[0]), written[1], dpi=100)
    print(f"\nwritten: {folder / 'interpolation.json'}, {', '.join(map(str, written))}")
