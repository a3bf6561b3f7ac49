"""(d) Sampling by one, two and four processes of one thread each, into the same files."""

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
from tqdm import tqdm

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.sharding import sample_shards

from ...data.synthetic import synthetic_posterior
from ...harness.timing import Effort, in_processes

__all__ = ["contents", "measure", "sample_seconds"]

N_CODES, DIM, N_CENTROIDS = 8_000, 16, 1_000
PROCESSES = (1, 2, 4)
SHARD_SIZE, N_SHARDS = 2_048, 8
"""Every number of processes gets as many shards as the others."""


def sample_seconds(rank: int, size: int, fitted: Path, output: Path, shard_size: int) -> float:
    """Seconds from where all processes stand ready to where all have written; to run in each process."""
    store = f"file://{output.parent / f'{output.name}.store'}"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=size, timeout=timedelta(minutes=10))
    try:
        sampler = RiemannianUniformSampler.load(fitted)
        sampler.sample_latents(64, seed=0)  # warm-up
        dist.barrier()
        start = time.perf_counter()
        group = dist.group.WORLD
        n_samples = N_SHARDS * shard_size
        sample_shards(sampler, n_samples, output, seed=0, shard_size=shard_size, decode=False, group=group)
        dist.barrier()
        return time.perf_counter() - start
    finally:
        dist.destroy_process_group()


def contents(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


def measure(effort: Effort) -> dict[str, Any]:
    """Seconds of every number of processes that the cores allow, in turn; files are compared with one process's."""
    shard_size = SHARD_SIZE // 8 if effort.quick else SHARD_SIZE
    sizes = [size for size in PROCESSES if size <= max(2, os.cpu_count() or 1)]
    times: dict[int, list[float]] = {size: [] for size in sizes}
    are_equal = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        posterior = synthetic_posterior(N_CODES, DIM)
        sampler = RiemannianUniformSampler(n_centroids=N_CENTROIDS // (10 if effort.quick else 1))
        sampler.fit(posterior).save(folder / "fitted")
        for turn in tqdm(range(effort.rounds), desc="processes", unit="round", leave=False):
            for size in sizes:
                output = folder / f"samples-{size}-{turn}"
                calls = [(rank, size, folder / "fitted", output, shard_size) for rank in range(size)]
                times[size].append(max(in_processes(sample_seconds, calls)))
                are_equal &= contents(output) == contents(folder / "samples-1-0")
    rows = [{"processes": size, "seconds": min(found), "all_seconds": found} for size, found in times.items()]
    return {
        "n_samples": N_SHARDS * shard_size,
        "dim": DIM,
        "n_centroids": sampler.settings.n_centroids,
        "cores": os.cpu_count(),
        "files_are_equal": are_equal,
        "rows": [{**each, "speedup": rows[0]["seconds"] / each["seconds"]} for each in rows],
    }
