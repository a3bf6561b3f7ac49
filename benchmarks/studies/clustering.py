"""Do Riemannian distances find the classes? k-medoids of latent codes against k-means, judged by the true labels.

Training codes of trained VAEs are put into as many clusters as there are classes, without their labels: by k-means, by
k-medoids of Euclidean distances, and by `RiemannianKMedoids` with several line elements. Its distances are those along
a graph of the codes; what the graph alone does is told by Euclidean lengths along it.
"""

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score, pairwise_distances
from torch import Tensor

from riemann_sampler.geometry import PATH_SCALE, ConformalMetric, InverseMetric, RiemannianKMedoids, k_medoids, widen
from riemann_sampler.metric import Metric

from ..harness.provenance import environment, write_json
from ..models.trained import MODEL, Trained, add_options, fitted_metric, trained_models
from ..reporting.markdown_table import averaged, markdown_table, note_quick, rounded

__all__ = ["METHODS", "main", "rows", "table"]

N_STARTS, MAX_SWEEPS = 10, 300
ALMOST_ZERO: Final = 1e-12
"""Exponent of a conformal element that is the Euclidean one."""

QUICK: Final = {"dims": [2], "seeds": 1, "codes": 150, "steps": 200}
"""What ``--quick`` sets."""

Labels: TypeAlias = Int[np.ndarray, " n"]
Method: TypeAlias = Callable[[Metric, Float[Tensor, "n dim"], int, int], Labels]
"""Clusters codes, given a metric at the temperature of paths, how many clusters there are, and a seed."""


def _k_means(metric: Metric, codes: Tensor, k: int, seed: int) -> Labels:  # noqa: ARG001 - Euclid asks for no metric
    return KMeans(k, n_init=N_STARTS, random_state=seed).fit_predict(codes.numpy())


def _euclidean(metric: Metric, codes: Tensor, k: int, seed: int) -> Labels:  # noqa: ARG001 - Euclid asks for no metric
    distances, random = pairwise_distances(codes.numpy()), np.random.RandomState(seed)
    return k_medoids(distances, k, max_sweeps=MAX_SWEEPS, n_starts=N_STARTS, random=random).label


def _riemannian(element: Callable[[Metric], Any]) -> Method:
    def cluster(metric: Metric, codes: Tensor, k: int, seed: int) -> Labels:
        return RiemannianKMedoids(element(metric), k, random_state=seed).fit_predict(codes)

    return cluster


METHODS: Final[Mapping[str, Method]] = {
    "k-means": _k_means,
    "k-medoids, Euclidean": _euclidean,
    "k-medoids, Euclidean along a graph": _riemannian(lambda metric: ConformalMetric(metric, ALMOST_ZERO)),
    "ours: ConformalMetric": _riemannian(ConformalMetric),
    "ours: InverseMetric": _riemannian(InverseMetric),
    "ours: G itself": _riemannian(lambda metric: metric),
}
"""What is compared, by name."""

HEADINGS: Final = {
    "data": "data, d",
    "clusters": "clusters",
    "rand": "adjusted Rand index ↑",
    "information": "normalised mutual information ↑",
    "seconds": "s",
}
DIGITS: Final = {"rand": 3, "information": 3, "seconds": 2}


def rows(bench: Trained, n_codes: int, seed: int) -> list[dict[str, Any]]:
    """A row for each method, on training codes chosen at random.

    Args:
        bench: A trained model with its data and codes.
        n_codes: Codes that are clustered, or all if there are fewer.
        seed: Seed of the choice, of the fit of the metric and of the starts.

    Returns:
        Indices of the agreement with the true labels, and seconds.
    """
    metric = widen(fitted_metric(bench.posterior, seed=seed))
    chosen = torch.randperm(len(bench.posterior.mean), generator=torch.Generator().manual_seed(seed))[:n_codes]
    codes, labels = bench.posterior.mean[chosen], bench.split.train_labels[chosen.numpy()]
    found = []
    for name, method in METHODS.items():
        start = time.perf_counter()
        clusters = method(metric, codes, bench.split.n_classes, seed)
        seconds = time.perf_counter() - start
        rand, information = adjusted_rand_score(labels, clusters), normalized_mutual_info_score(labels, clusters)
        found.append({"clusters": name, "rand": float(rand), "information": float(information), "seconds": seconds})
    return found


def table(figures: Mapping[str, Any]) -> str:
    """What was run, and means and standard deviations over seeds."""
    config, env = figures["config"], figures["environment"]
    sizes = ", ".join(f"{name} {n:,}" for name, n in config["n_codes"].items())
    versions = ", ".join(f"{name} {number}" for name, number in env["versions"].items())
    caption = [
        f"Training codes ({sizes}) in as many clusters as classes; mean ± standard deviation over {config['n_seeds']} "
        f"seeds, each with its own {MODEL} of {config['n_steps']:,} steps. Labels are used for the scores alone.",
        f"Distances of ours are those along the graph, of G at islands {config['island_scale']:g} posterior deviations "
        "wide.",
        f"Python {env['python']}, {versions}.",
    ]
    text = "\n".join(f"- {line}" for line in caption)
    lines = averaged(figures["rows"], "clusters", DIGITS)
    return note_quick(f"{text}\n\n{markdown_table(lines, HEADINGS)}", figures)


def main(arguments: list[str]) -> None:
    """Print the table, and write it as JSON.

    Args:
        arguments: Command line; ``--help`` lists the options.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks clustering",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_options(parser, QUICK)
    parser.add_argument(
        "--codes", type=int, default=1_500, help="codes that are clustered at the most (default: 1,500)"
    )
    options = parser.parse_args(arguments)
    found, n_codes = [], {}
    for place, model in trained_models(options, "clustering", heldout="test"):
        found += [{**place, **row} for row in rows(model, options.codes, place["seed"])]
        n_codes[place["data"]] = min(options.codes, len(model.split.train))
    config = {"n_codes": n_codes, "n_seeds": options.seeds, "n_steps": options.steps, "island_scale": PATH_SCALE}
    run = {"environment": environment("pythae"), "quick": options.quick, "config": config, "rows": found}
    figures = rounded(run)
    print(table(figures))
    write_json(options.output / "clustering.json", figures)
