"""How fast is one gradient, and how long do 10,000 latents take? Ratios are of medians measured in turn in one run.

(a) One evaluation of the gradient of log √det G at 100 chains, K = 100, d = 16 on one thread, against the dense form of
    d×d tensors. (b) 10,000 latents from a fitted sampler with K = 1,000, d = 16, and the fit itself, on all threads, in
    a process of their own, so that its peak memory is theirs.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch.utils.benchmark import Timer
from tqdm import tqdm

from riemann_sampler import DiagonalMetric, GaussianPosterior, RiemannianUniformSampler

from .published import dense_gradient
from .record import environment, write_json

N_CODES, DIM = 8_000, 16


def synthetic_posterior(n: int = N_CODES, dim: int = DIM, seed: int = 0) -> GaussianPosterior:
    """Codes in 40 anisotropic clusters with log-normal posterior variances, as those of a VAE of ten digits look."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(40, dim, generator=generator)
    widths = 0.45 * torch.rand(40, dim, generator=generator)
    cluster = torch.randint(40, (n,), generator=generator)
    mean = centres[cluster] + widths[cluster] * torch.randn(n, dim, generator=generator)
    return GaussianPosterior(mean, -3 + 0.5 * torch.randn(n, dim, generator=generator))


def seconds_in_turn(functions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median seconds of a call on one thread; the functions take turns, so that drifts of the machine meet them all."""
    timers = {name: Timer("function()", globals={"function": function}) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in tqdm(range(rounds), desc="gradient", leave=False):
        for name, timer in timers.items():
            times[name].append(timer.blocked_autorange(min_run_time=0.2).median)
    return {name: median(values) for name, values in times.items()}


def gradient_ratio(dtype: torch.dtype, rounds: int = 9) -> dict[str, float | str]:
    """(a): the closed form by matrix products against the dense form, on one thread."""
    n_chains, k = 100, 100
    generator = torch.Generator().manual_seed(0)
    centroids = torch.randn(k, DIM, dtype=dtype, generator=generator)
    precisions = 5 + 20 * torch.rand(k, DIM, dtype=dtype, generator=generator)
    z = centroids + 0.2 * torch.randn(n_chains, DIM, dtype=dtype, generator=generator)
    scalars = {"temperature": 2.5, "regularization": 1e-3, "decay": 0.05}
    metric = DiagonalMetric(centroids, precisions, **scalars)
    matrices = torch.diag_embed(precisions)

    seconds = seconds_in_turn(
        {"ours": lambda: metric.grad_log_volume(z), "dense": lambda: dense_gradient(z, centroids, matrices, **scalars)},
        rounds,
    )
    fast, dense = metric.grad_log_volume(z), dense_gradient(z, centroids, matrices, **scalars)
    difference = ((fast - dense).norm() / dense.norm()).item()
    ratio = seconds["dense"] / seconds["ours"]
    return {"dtype": str(dtype).removeprefix("torch."), **seconds, "ratio": ratio, "relative_difference": difference}


def _peak_mib() -> float:
    """Largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def time_to_latents(n_samples: int, dtype: str) -> dict[str, float | str]:
    """(b): fit with defaults, then draw."""
    posterior = synthetic_posterior()
    before = _peak_mib()
    sampler = RiemannianUniformSampler(dtype=getattr(torch, dtype))
    start = time.perf_counter()
    sampler.fit(posterior)
    fitted = time.perf_counter()
    sampler.sample_latents(n_samples, seed=0)
    done = time.perf_counter()
    diagnostics = sampler.diagnostics_
    return {
        "dtype": dtype,
        "fit_seconds": fitted - start,
        "sample_seconds": done - fitted,
        "peak_mib_before": before,
        "peak_mib": _peak_mib(),
        "log_volume_r_hat": diagnostics.log_volume_r_hat,
        "global_acceptance": diagnostics.global_acceptance,
    }


def _in_own_process(n_samples: int, dtype: str) -> dict[str, float | str]:
    command = [sys.executable, "-m", "benchmarks", "speed", "--only-latents", dtype, "--samples", str(n_samples)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def table(figures: dict[str, Any]) -> str:
    """The figures as two Markdown tables."""
    lines = [
        "One gradient evaluation at 100 chains, K = 100, d = 16, one thread:\n",
        "| dtype | ours, ms | dense d×d, ms | dense / ours | relative difference |",
        "|---|---|---|---|---|",
    ]
    for row in figures["gradient"]:
        ours, dense = 1e3 * row["ours"], 1e3 * row["dense"]
        difference = f"{row['relative_difference']:.1e}"
        lines.append(f"| {row['dtype']} | {ours:.3f} | {dense:.2f} | {row['ratio']:.0f} | {difference} |")
    threads = figures["environment"]["threads"]
    lines += [
        f"\n{figures['samples']:,} latents with K = 1,000, d = 16, on {threads} thread{'s' * (threads > 1)}:\n",
        "| dtype | fit, s | sample, s | peak memory, MiB (before the fit) | log-volume R-hat | global acceptance |",
        "|---|---|---|---|---|---|",
    ]
    for row in figures["latents"]:
        memory = f"{row['peak_mib']:.0f} ({row['peak_mib_before']:.0f})"
        times = f"{row['fit_seconds']:.1f} | {row['sample_seconds']:.1f} | {memory}"
        lines.append(f"| {row['dtype']} | {times} | {row['log_volume_r_hat']:.3f} | {row['global_acceptance']:.2f} |")
    return "\n".join([*lines, f"\nCUDA: {figures['environment']['cuda']}."])


def main(arguments: list[str]) -> None:
    """Print both tables and write them as JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--samples", type=int, default=10_000, help="latents drawn in (b)")
    parser.add_argument("--output", type=Path, default=Path("benchmark_output"), help="folder for the JSON")
    parser.add_argument("--only-latents", metavar="DTYPE", help="run (b) alone in this process and print JSON")
    options = parser.parse_args(arguments)
    if options.only_latents:
        print(json.dumps(time_to_latents(options.samples, options.only_latents)))
        return

    figures = {
        "environment": environment(),
        "samples": options.samples,
        "gradient": [gradient_ratio(dtype) for dtype in (torch.float64, torch.float32)],
        "latents": [_in_own_process(options.samples, dtype) for dtype in ("float64", "float32")],
    }
    print(table(figures))
    write_json(options.output / "speed.json", figures)
