"""(c) Effective samples per second: of the log volume along the chains, and draws, each the end of its own chain."""

import itertools
import time
from typing import Any

from tqdm import tqdm

from riemann_sampler import RiemannianUniformSampler

from ...data.synthetic import synthetic_posterior
from ...harness.timing import Effort

__all__ = ["measure", "row"]

N_CODES, N_DRAWS = 8_000, 1_024
DIMS, CENTROIDS = (2, 16, 64), (100, 1_000)


def row(dim: int, n_centroids: int, *, n_draws: int = N_DRAWS, rounds: int = 3) -> dict[str, Any]:
    """One case: a fit with defaults, then the same draws several times, of which the fastest count."""
    sampler = RiemannianUniformSampler(n_centroids=n_centroids).fit(synthetic_posterior(N_CODES, dim))
    sampler.sample_latents(n_draws // 8, seed=0)  # warm-up
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        sampler.sample_latents(n_draws, seed=1)
        times.append(time.perf_counter() - start)
    seconds, diagnostics = min(times), sampler.diagnostics_
    return {
        "dim": dim,
        "n_centroids": n_centroids,
        "n_draws": n_draws,
        "seconds": seconds,
        "draws_per_second": n_draws / seconds,
        "effective_sample_size": diagnostics.log_volume_ess,
        "effective_per_second": diagnostics.log_volume_ess / seconds,
        "log_volume_r_hat": diagnostics.log_volume_r_hat,
        "acceptance": diagnostics.acceptance,
        "global_acceptance": diagnostics.global_acceptance,
    }


def measure(effort: Effort) -> dict[str, Any]:
    """All cases."""
    cases = list(itertools.product(DIMS[:2] if effort.quick else DIMS, CENTROIDS[:1] if effort.quick else CENTROIDS))
    rounds = 1 if effort.quick else 3
    rows = [row(*case, rounds=rounds) for case in tqdm(cases, desc="ess", unit="case", leave=False)]
    return {"n_codes": N_CODES, "rows": rows}
