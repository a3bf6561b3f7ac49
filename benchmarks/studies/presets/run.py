"""Variants of the presets, one dial at a time, on validation data, by which they were chosen (docs/results/presets.md).

The parts of the data that are reported on are not looked at.
"""

import json
from typing import Final

from ...samplers.registry import SAMPLERS, Entry, preset
from ..compare.run import parser_of, run_grid
from .ranking import table

__all__ = ["VARIANTS", "main"]

REFERENCES: Final = ("reconstructions", "N(0, I)", "aggregate posterior", "GMM-10", "GMM-100")

VARIANTS: Final[dict[str, Entry]] = {
    **{name: SAMPLERS[name] for name in REFERENCES},
    "uniform": preset("uniform"),
    "uniform, min_ess 0.5": preset("uniform", min_ess=0.5),
    "uniform, min_ess 0.95": preset("uniform", min_ess=0.95),
    "uniform, 300 centroids": preset("uniform", n_centroids=300),
    "uniform, 3,000 centroids": preset("uniform", n_centroids=3_000),
    "uniform, α = 0.5": preset("uniform", volume_exponent=0.5),
    "uniform, floor share 0.01": preset("uniform", floor_share=1e-2),
    "uniform, 60 steps": preset("uniform", n_steps=60),
    "uniform, local covariances": preset(
        "uniform", centroid_covariance="local", n_neighbors=10, covariance_structure="full"
    ),
    "calibrated": preset("calibrated"),
    "calibrated, 1,000 centroids": preset("calibrated", n_centroids=1_000),
    **{f"calibrated, scale {scale:g}": preset("calibrated", island_scale=scale) for scale in (1.0, 1.5, 2.0, 3.0)},
    "clusters": preset("clusters"),
    "clusters, calibrated": preset("clusters", island_scale="calibrated"),
    "clusters, diagonal": preset("clusters", covariance_structure="diagonal"),
    **{f"clusters, {k} clusters": preset("clusters", n_centroids=k) for k in (25, 100, 300)},
    **{
        f"local, {m} neighbours, scale {scale:g}": preset("local", n_neighbors=m, island_scale=scale)
        for m in (3, 5, 10, 20, 40)
        for scale in (0.7, 0.85, 1.0, 1.2)
    },
    **{
        f"local, {m} neighbours, calibrated": preset("local", n_neighbors=m, island_scale="calibrated")
        for m in (5, 10, 20)
    },
    "local, diagonal": preset("local", n_neighbors=10, covariance_structure="diagonal"),
    "local, 1,000 centroids": preset("local", n_neighbors=10, n_centroids=1_000),
}
"""Every variant by name; the bare names are the presets themselves."""


def main(arguments: list[str]) -> None:
    """Run the variants against validation data, report, and rank them.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    parser = parser_of("study", __doc__)
    parser.set_defaults(validation=True)
    options = parser.parse_args(arguments)
    run_grid(options, VARIANTS)
    print()
    print(table(json.loads((options.output / "summary.json").read_text())))
