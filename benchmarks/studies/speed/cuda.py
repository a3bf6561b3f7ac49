"""(g) Gradient and sampling on a CUDA device: CUDA events, after a warm-up, against what the device reaches elsewhere.

The bandwidth is that of a large copy, the ceiling of operations that of a large matrix product of the same dtype, both
of the same run. The larger of the two shares says what bounds a case.
"""

from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from tqdm import tqdm

from riemann_sampler import RiemannianUniformSampler

from ...data.synthetic import dtype_name, make_case, synthetic_posterior
from ...harness.timing import Effort
from .counts import moved_bytes, operations

__all__ = ["Ceilings", "Timer", "ceilings", "event_seconds", "gradient_row", "measure", "sampling_row"]

Timer = Callable[[Callable[[], Any]], float]
"""Seconds of a call."""

Ceilings = dict[str, float]
"""Bytes and operations in a second, by ``bandwidth`` and by the name of each dtype."""

DTYPES = (torch.float64, torch.float32)
CASES = ((1_000, 1_000, 16), (10_000, 1_000, 16), (1_000, 10_000, 64), (10_000, 10_000, 64), (1_000, 60_000, 256))
"""Chains, centroids and dimensions."""

DRAWS = ((1_000, 16, 10_000), (10_000, 64, 10_000))
"""Centroids, dimensions and samples."""

COPY_BYTES, PRODUCT_SIZE = 2**30, 8_192


def event_seconds(function: Callable[[], Any], *, warm_up: int = 3, rounds: int = 10) -> float:
    """Median seconds of a call between two CUDA events."""
    for _ in range(warm_up):
        function()
    found = []
    for _ in range(rounds):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        function()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) / 1e3)
    return median(found)


def ceilings(timer: Timer, device: str, *, copy_bytes: int = COPY_BYTES, product_size: int = PRODUCT_SIZE) -> Ceilings:
    """What the device reaches: a copy reads and writes its bytes, an n × n product takes 2 n³ operations."""
    source = torch.zeros(copy_bytes, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    found = {"bandwidth": 2 * copy_bytes / timer(lambda: target.copy_(source))}
    for dtype in DTYPES:
        matrix = torch.ones(product_size, product_size, dtype=dtype, device=device)
        found[dtype_name(dtype)] = 2 * product_size**3 / timer(lambda matrix=matrix: matrix @ matrix)
    return found


def gradient_row(
    n_chains: int, n_centroids: int, dim: int, dtype: torch.dtype, *, timer: Timer, device: str, reached: Ceilings
) -> dict[str, Any]:
    """One case: seconds, and the shares of the device's bandwidth and operations that they come to."""
    case = make_case(n_chains, n_centroids, dim, dtype, device)
    metric = case.metric()
    seconds = timer(lambda: metric.grad_log_volume(case.z))
    sizes = n_chains, n_centroids, dim
    return {
        "dtype": dtype_name(dtype),
        "n_chains": n_chains,
        "n_centroids": n_centroids,
        "dim": dim,
        "seconds": seconds,
        "bandwidth_share": moved_bytes(*sizes, dtype.itemsize) / seconds / reached["bandwidth"],
        "operations_share": operations(*sizes) / seconds / reached[dtype_name(dtype)],
    }


def sampling_row(
    n_centroids: int, dim: int, n_samples: int, dtype: torch.dtype, *, timer: Timer, device: str
) -> dict[str, Any]:
    """Seconds of draws from a fitted sampler with defaults."""
    sampler = RiemannianUniformSampler(n_centroids=n_centroids, device=device, dtype=dtype)
    sampler.fit(synthetic_posterior(2 * n_centroids, dim))
    seconds = timer(lambda: sampler.sample_latents(n_samples, seed=0))
    return {
        "dtype": dtype_name(dtype),
        "n_centroids": n_centroids,
        "dim": dim,
        "n_samples": n_samples,
        "seconds": seconds,
        "samples_per_second": n_samples / seconds,
        "log_volume_r_hat": sampler.diagnostics_.log_volume_r_hat,
    }


def measure(effort: Effort) -> dict[str, Any]:
    """All cases, where there is a device."""
    if not torch.cuda.is_available():
        return {"not_run": "there was no device"}
    cases, draws = (CASES[:2], DRAWS[:1]) if effort.quick else (CASES, DRAWS)
    reached = ceilings(event_seconds, "cuda")
    common: dict[str, Any] = {"timer": event_seconds, "device": "cuda"}
    bar = tqdm([(*case, dtype) for dtype in DTYPES for case in cases], desc="cuda", unit="case", leave=False)
    gradients = [gradient_row(*case, **common, reached=reached) for case in bar]
    samples = [sampling_row(*case, dtype, **common) for dtype in DTYPES for case in draws]
    return {"device": torch.cuda.get_device_name(), "ceilings": reached, "gradient": gradients, "sampling": samples}
