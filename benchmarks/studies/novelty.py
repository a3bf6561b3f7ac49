"""Does calibrated novelty land where held-out codes say it should?

The rule widens islands until samples lie as far from their nearest training code as training codes lie from one
another. It never sees held-out codes; here they judge it. For each trained model the scale that the rule gives is
compared with the scale that would put samples as far from the training codes as held-out codes lie: a ratio of 1 is
where it should be, below 1 samples are too near to the training data, above too far. Distances are Mahalanobis under
each code's own precision, as in the package, or Euclidean; what is matched is the median or a quartile.
"""

import argparse
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from jaxtyping import Float
from scipy.optimize import brentq
from torch import Tensor
from tqdm import tqdm

from riemann_sampler.encoding import StreamedPosteriors
from riemann_sampler.metric import (
    Centroids,
    DiagonalQuadratics,
    IslandMixture,
    Quadratics,
    local_centroids,
    merge_duplicates,
)
from riemann_sampler.protocols import GaussianPosterior

from ..data.datasets import possible_sizes
from ..harness.provenance import environment, write_json
from ..models.recipes import RECIPES
from ..models.trained import trained
from ..reporting.markdown_table import markdown_table

__all__ = ["main", "matching_scale", "ratios", "table"]

DISTANCES: Final = ("Mahalanobis", "Euclidean")
QUANTILES: Final = (0.25, 0.5, 0.75)
N_QUERIES: Final = 2_000
"""Codes, and samples, whose distances are compared."""

LOCAL_NEIGHBORS: Final = 5


class Rule(NamedTuple):
    """What is matched.

    Attributes:
        islands: Covariances of the islands: of the posteriors, or local.
        distance: One of `DISTANCES`.
        quantile: One of `QUANTILES`.
    """

    islands: str
    distance: str
    quantile: float


def matching_scale(codes: Quadratics, islands: Centroids, wanted: float, quantile: float, *, seed: int = 0) -> float:
    """The island scale at which a quantile of the samples' distances to the nearest code is as wanted.

    Args:
        codes: Training codes with the distance that is measured.
        islands: Centroids and covariances of the islands.
        wanted: The distance.
        quantile: Which quantile of the samples' distances.
        seed: Seed of the samples, the same at every scale.

    Returns:
        The scale.
    """
    generator = torch.Generator()

    def excess(log_scale: float) -> float:
        mixture = IslandMixture(islands.quadratics, scale=math.exp(log_scale), log_masses=islands.sizes.log())
        z = mixture.sample(N_QUERIES, generator.manual_seed(seed))
        return float(codes.nearest(z)[0].quantile(quantile)) - wanted

    low, high = -1.0, 1.0
    while excess(low) > 0:
        low -= 1.0
    while excess(high) < 0:
        high += 1.0
    return math.exp(brentq(excess, low, high, xtol=5e-3))


def ratios(
    posterior: GaussianPosterior, heldout: Float[Tensor, "n_heldout dim"], *, seed: int = 0
) -> list[dict[str, Any]]:
    """For each rule its scale, that of the held-out codes, and the ratio of the two.

    Args:
        posterior: Posteriors of the training data, in float64.
        heldout: Means of held-out codes.
        seed: Seed of the choice of codes and of the samples.

    Returns:
        One row a rule.
    """
    codes = merge_duplicates(posterior)
    islands = {
        "posterior": codes,
        "local": local_centroids(StreamedPosteriors(posterior), None, seed, n_neighbors=LOCAL_NEIGHBORS, full=True),
    }
    metrics = {
        "Mahalanobis": codes.quadratics,
        "Euclidean": DiagonalQuadratics(codes.means, torch.ones_like(codes.means)),
    }
    query = torch.randperm(len(codes.means), generator=torch.Generator().manual_seed(seed))[:N_QUERIES]
    found = []
    for rule in itertools.starmap(Rule, itertools.product(islands, DISTANCES, QUANTILES)):
        metric = metrics[rule.distance]
        among = float(metric.nearest(codes.means[query], excluding=query)[0].quantile(rule.quantile))
        beyond = float(metric.nearest(heldout[:N_QUERIES])[0].quantile(rule.quantile))
        scales = [matching_scale(metric, islands[rule.islands], d, rule.quantile, seed=seed) for d in (among, beyond)]
        found.append(
            {**rule._asdict(), "among": among, "beyond": beyond, "scale": scales[0], "heldout_scale": scales[1]}
        )
    return [{**row, "ratio": row["scale"] / row["heldout_scale"]} for row in found]


def table(figures: dict[str, Any]) -> str:
    """Ratios by rule over all models, then by model for the rule that the package has."""
    rows = figures["rows"]
    by_rule = [
        {
            "islands": rule.islands,
            "distance": rule.distance,
            "quantile": f"{rule.quantile:g}",
            **_spread([row["ratio"] for row in rows if Rule(row["islands"], row["distance"], row["quantile"]) == rule]),
        }
        for rule in itertools.starmap(Rule, itertools.product(("posterior", "local"), DISTANCES, QUANTILES))
    ]
    ours = [row for row in rows if (row["distance"], row["quantile"]) == ("Mahalanobis", 0.5)]
    models = list(dict.fromkeys((row["data"], row["n_train"], row["model"]) for row in ours))
    by_model = []
    for data, n_train, model in models:
        mine = [row for row in ours if (row["data"], row["n_train"], row["model"]) == (data, n_train, model)]
        part = {kind: [row for row in mine if row["islands"] == kind] for kind in ("posterior", "local")}
        by_model.append(
            {
                "data": f"{data} {n_train:,}",
                "model": model,
                "seeds": len(part["posterior"]),
                "among": _mean([row["among"] for row in part["posterior"]]),
                "beyond": _mean([row["beyond"] for row in part["posterior"]]),
                "scale": _mean([row["scale"] for row in part["posterior"]]),
                "ratio": _mean([row["ratio"] for row in part["posterior"]]),
                "local_scale": _mean([row["scale"] for row in part["local"]]),
                "local_ratio": _mean([row["ratio"] for row in part["local"]]),
            }
        )
    rules = markdown_table(
        by_rule,
        {
            "islands": "islands",
            "distance": "distance",
            "quantile": "quantile",
            "median": "median ratio",
            "low": "lowest",
            "high": "highest",
            "off": "off by over 10 %",
        },
    )
    each = markdown_table(
        by_model,
        {
            "data": "data",
            "model": "model",
            "seeds": "seeds",
            "among": "codes to codes",
            "beyond": "held-out to codes",
            "scale": "scale",
            "ratio": "scale / held-out's",
            "local_scale": "local: scale",
            "local_ratio": "scale / held-out's",
        },
    )
    return f"{rules}\n\n{each}"


def _spread(values: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(values)
    off = sum(not 1 / 1.1 <= value <= 1.1 for value in values)
    return {
        "median": float(torch.tensor(ordered).median()),
        "low": ordered[0],
        "high": ordered[-1],
        "off": f"{off} of {len(values)}",
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def main(arguments: list[str]) -> None:
    """Print the table, and write it as JSON.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks novelty", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", nargs="+", default=["digits"], help="data sets, as for compare")
    add("--n-train", nargs="+", type=int, default=[10_000], help="training sizes, or all if there are fewer")
    add("--models", nargs="+", default=["VAE", "BetaVAE", "IWAE", "VAMP"], choices=RECIPES)
    add("--seeds", type=int, default=3)
    add("--steps", type=int, default=2_000, help="steps of each model's training")
    add("--latent-dim", type=int, default=16)
    add("--cache", type=Path, default=Path("benchmark_output/models"), help="folder of trained models")
    add("--output", type=Path, default=Path("benchmark_output"), help="folder for novelty.json")
    options = parser.parse_args(arguments)
    rows = []
    sized = [(data, size) for data in options.data for size in possible_sizes(data, options.n_train)]
    models = list(itertools.product(sized, options.models, range(options.seeds)))
    for (data, size), name, seed in tqdm(models, desc="novelty", unit="model"):
        bench = trained(
            *(data, size, name, options.latent_dim),
            heldout="validation",
            n_steps=options.steps,
            seed=seed,
            folder=options.cache,
        )
        found = ratios(bench.posterior, bench.heldout.mean, seed=seed)
        n_train = len(bench.split.train)
        rows += [{"data": data, "n_train": n_train, "model": name, "seed": seed, **row} for row in found]
    figures = {"environment": environment("pythae"), "rows": rows}
    print(table(figures))
    write_json(options.output / "novelty.json", figures)
