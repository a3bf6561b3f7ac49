"""(b) The time to 10,000 latents, and to 1,000 converged ones, side by side in one process.

Every sampler is fitted to the same latents and draws the same number. The chains of pythae's RHVAESampler and the
published dynamics are too slow to be waited for: their times are extrapolated from a transition of one batch.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from tqdm import tqdm

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler

from ...data.synthetic import synthetic_posterior
from ...harness.timing import Effort
from ...samplers.interface import Task
from ...samplers.registry import Entry, preset, samplers
from .extrapolation import Published, rhvae_seconds
from .stub import make_task

__all__ = ["contenders", "converged", "measure", "race"]

N_CODES, DIM, N_SAMPLES = 8_000, 16, 10_000
N_CONVERGED, CONVERGED_CENTROIDS, LARGEST_R_HAT = 1_000, 100, 1.01
STEPS = (40, 80, 160, 320)
"""Steps of our chains that are tried after the default ones, until R-hat is small enough."""

SLOW_SECONDS = 20.0
"""A sampler that takes longer than this has a single turn."""

PYTHAE = ("GaussianMixture", "MAF", "IAF", "TwoStageVAE")


def contenders(flow_epochs: int) -> dict[str, Entry]:
    """What is raced, by name; the uniform law has 1,000 centroids by default."""
    registry = samplers(flow_epochs)
    ours = {
        "ours: uniform": preset("uniform"),
        "ours: uniform, float32": preset("uniform", dtype=torch.float32),
        "ours: calibrated": preset("calibrated"),
        "ours: local": preset("local"),
    }
    return ours | {f"pythae: {name}": registry[f"pythae: {name}"] for name in PYTHAE}


def race(
    entries: dict[str, Entry], task: Task, n_samples: int, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[dict[str, Any]]:
    """Seconds of fit and draws in the fastest turn; what is slow has one turn."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in entries}
    for turn in range(rounds):
        for name, entry in tqdm(entries.items(), desc=f"race, round {turn + 1}", unit="sampler", leave=False):
            if turn and sum(times[name][0]) > SLOW_SECONDS:
                continue
            start = clock()
            sampler = entry.make().fit(task, 0)
            fitted = clock()
            sampler.sample(n_samples, 0)
            times[name].append((fitted - start, clock() - fitted))
    return [_row(name, *min(found, key=sum)) for name, found in times.items()]


def converged(posterior: GaussianPosterior, n_samples: int, n_timed: int) -> dict[str, Any]:
    """Seconds to converged samples of 100 centroids, and those of the published dynamics, with the R-hat of both."""
    published = Published(posterior)
    sample = published.sample_seconds(n_samples, n_timed)
    rows = [
        {
            **_row("published dynamics", published.fit_seconds, sample, extrapolated=True),
            "log_volume_r_hat": published.log_volume_r_hat(n_samples),
        }
    ]
    for steps in ({}, *({"n_steps": n} for n in STEPS)):
        sampler = RiemannianUniformSampler(n_centroids=CONVERGED_CENTROIDS, **steps)
        start = time.perf_counter()
        sampler.fit(posterior)
        fitted = time.perf_counter()
        sampler.sample_latents(n_samples, seed=0)
        sample = time.perf_counter() - fitted
        r_hat = sampler.diagnostics_.log_volume_r_hat
        name = f"ours: {steps['n_steps']} steps" if steps else "ours: default steps"
        rows.append({**_row(name, fitted - start, sample), "log_volume_r_hat": r_hat})
        if r_hat < LARGEST_R_HAT:
            break
    slow, fast = rows[0], rows[-1]
    return {
        "n_samples": n_samples,
        "n_centroids": CONVERGED_CENTROIDS,
        "rows": rows,
        "is_converged": fast["log_volume_r_hat"] < LARGEST_R_HAT,
        "ratio_sampling": slow["sample"] / fast["sample"],
        "ratio_with_fit": slow["total"] / fast["total"],
    }


def _row(name: str, fit: float, sample: float, *, extrapolated: bool = False) -> dict[str, Any]:
    return {"sampler": name, "fit": fit, "sample": sample, "total": fit + sample, "extrapolated": extrapolated}


def measure(effort: Effort) -> dict[str, Any]:
    """The race, then the converged samples."""
    n_codes, n_samples = (2_000, 1_000) if effort.quick else (N_CODES, N_SAMPLES)
    n_timed = 2 if effort.quick else 10
    posterior = synthetic_posterior(n_codes, DIM)
    warm_up = RiemannianUniformSampler(n_centroids=10).fit(synthetic_posterior(100, DIM))
    warm_up.sample_latents(10, seed=0)
    rows = race(contenders(effort.flow_epochs), make_task(posterior), n_samples, 1 if effort.quick else 3)
    rows.append(_row("pythae: RHVAE", 0.0, rhvae_seconds(posterior, n_samples), extrapolated=True))
    published = Published(posterior)
    sample = published.sample_seconds(n_samples, n_timed)
    rows.append(_row("published dynamics", published.fit_seconds, sample, extrapolated=True))
    return {
        "n_codes": n_codes,
        "dim": DIM,
        "n_samples": n_samples,
        "n_timed": n_timed,
        "flow_epochs": effort.flow_epochs,
        "threads": torch.get_num_threads(),
        "rows": sorted(rows, key=lambda row: row["total"]),
        "converged": converged(posterior, N_CONVERGED, n_timed),
    }
