"""(d) How the time of a gradient, and the memory of a fit and its draws, grow with centroids, dimensions and chains."""

from functools import partial
from typing import Any, NamedTuple

from tqdm import tqdm

from riemann_sampler import RiemannianUniformSampler

from ...data.synthetic import make_case, synthetic_posterior
from ...harness.provenance import PeakMemory
from ...harness.timing import Effort, fitted_exponent, in_own_process, seconds_in_turn

__all__ = ["AXES", "Axis", "measure", "memory_slope", "peak_memory", "times"]


class Axis(NamedTuple):
    """Sizes along which one of three numbers grows while the others stay.

    Attributes:
        sizes: The number's values.
        others: The other two, by their names in `make_case`.
    """

    sizes: tuple[int, ...]
    others: dict[str, int]


AXES = {
    "n_centroids": Axis((1_000, 4_000, 16_000, 60_000), {"n_chains": 100, "dim": 16}),
    "dim": Axis((8, 16, 32, 64, 128, 256), {"n_chains": 100, "n_centroids": 1_000}),
    "n_chains": Axis((64, 256, 1_024, 4_096), {"n_centroids": 1_000, "dim": 16}),
}
MEMORY_DIM, MEMORY_CHAINS = 32, 1_000
MEMORY_CENTROIDS = (4_000, 16_000, 60_000)


def times(name: str, axis: Axis, rounds: int) -> dict[str, Any]:
    """Seconds of a gradient along an axis, in turn, and the exponent of their growth."""
    functions = {}
    for size in axis.sizes:
        case = make_case(**{name: size}, **axis.others)
        functions[str(size)] = partial(case.metric().grad_log_volume, case.z)
    seconds = list(seconds_in_turn(functions, rounds).values())
    exponent = fitted_exponent(axis.sizes, seconds)
    return {"sizes": axis.sizes, "others": axis.others, "seconds": seconds, "exponent": exponent}


def peak_memory(n_centroids: int, dim: int, n_chains: int) -> dict[str, Any]:
    """MiB above the codes that a fit with every code as a centroid takes, and then the draws; to run in a process."""
    posterior = synthetic_posterior(n_centroids, dim)
    memory = PeakMemory()
    sampler = RiemannianUniformSampler(n_centroids=None, temperature=1.5, n_steps=2, n_warmup=2).fit(posterior)
    fit = memory.growth_mib()
    sampler.sample_latents(n_chains, seed=0)
    return {
        "n_centroids": n_centroids,
        "fit_mib": fit,
        "mib": memory.growth_mib(),
        "centroids_mib": n_centroids * dim * 8 / 2**20,
    }


def memory_slope(rows: list[dict[str, Any]]) -> float | None:
    """MiB by which the peak grows for each MiB of centroids in float64, between the smallest and the largest case."""
    first, last = rows[0], rows[-1]
    if first["mib"] is None or last["mib"] is None:
        return None
    return (last["mib"] - first["mib"]) / (last["centroids_mib"] - first["centroids_mib"])


def measure(effort: Effort) -> dict[str, Any]:
    """Times along every axis, then memory over centroids."""
    axes = {name: Axis(axis.sizes[: 2 if effort.quick else None], axis.others) for name, axis in AXES.items()}
    bar = tqdm(axes.items(), desc="growth", unit="axis", leave=False)
    grown = {name: times(name, axis, effort.rounds) for name, axis in bar}
    centroids, n_chains = ((1_000, 4_000), 100) if effort.quick else (MEMORY_CENTROIDS, MEMORY_CHAINS)
    rows = [
        in_own_process(peak_memory, k, MEMORY_DIM, n_chains)
        for k in tqdm(centroids, desc="memory", unit="case", leave=False)
    ]
    memory = {"dim": MEMORY_DIM, "n_chains": n_chains, "rows": rows, "slope": memory_slope(rows)}
    return {"time": grown, "memory": memory}
