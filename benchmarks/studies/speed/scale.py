"""(e) A stream of ten million latents through a fit, in constant memory."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset
from typing_extensions import Self

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import FunctionAdapter

from ...harness.provenance import PeakMemory
from ...harness.timing import Effort

__all__ = ["AnonymousMemory", "Stream", "fit_stream", "measure"]

DIM, N_CENTROIDS, N_LATENTS = 32, 2_000, 10_000_000
BATCH = 10_000
CASES = {"posterior": {}, "cluster, full": {"centroid_covariance": "cluster", "covariance_structure": "full"}}
"""Arguments of the fits; chains are kept short, they are not what is measured here."""


class Stream(IterableDataset[Tensor]):
    """Batches of means and log-variances side by side, made on the fly: forty clusters, as in `synthetic_posterior`.

    Args:
        n: Latents in all batches, a multiple of `BATCH`.
        dim: Their dimension.
    """

    def __init__(self, n: int, dim: int) -> None:
        self._n_batches, self._dim = n // BATCH, dim

    def __iter__(self) -> Iterator[Tensor]:
        """The batches, the same at every pass."""
        generator = torch.Generator().manual_seed(0)
        centres = torch.randn(40, self._dim, generator=generator)
        for _ in range(self._n_batches):
            cluster = torch.randint(40, (BATCH,), generator=generator)
            mean = centres[cluster] + 0.3 * torch.randn(BATCH, self._dim, generator=generator)
            yield torch.cat([mean, -3 + 0.5 * torch.randn(BATCH, self._dim, generator=generator)], 1)


class AnonymousMemory:
    """The largest memory of this process that is no mapped file, looked at 50 times a second; Linux alone, else None.

    What is mapped from a file counts as resident too, but the system takes it back when memory gets short.
    """

    def __init__(self) -> None:
        self.peak_mib: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Start to look."""
        self._before = _anonymous_mib()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look for the last time."""
        self._done.set()
        self._thread.join()

    def growth_mib(self) -> float | None:
        """The growth of the peak above what there was before."""
        return None if self.peak_mib is None or self._before is None else self.peak_mib - self._before

    def _watch(self) -> None:
        is_done = False
        while not is_done:
            is_done = self._done.wait(0.02)
            now = _anonymous_mib()
            if now is not None:
                self.peak_mib = max(now, self.peak_mib or 0.0)


def _anonymous_mib() -> float | None:
    with suppress(OSError):
        found = re.search(r"RssAnon:\s*(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) / 1024 if found else None
    return None


def fit_stream(n: int, n_centroids: int, arguments: dict[str, Any]) -> dict[str, Any]:
    """Seconds and memory of one fit."""
    adapter = FunctionAdapter(encode=lambda batch: batch.split(DIM, 1), decode=lambda z: z, latent_dim=DIM)
    short = {"temperature": 1.5, "n_steps": 4, "n_warmup": 4}
    sampler = RiemannianUniformSampler(adapter, n_centroids=n_centroids, **short, **arguments)
    data = DataLoader(Stream(n, DIM), batch_size=None)
    resident = PeakMemory()
    with AnonymousMemory() as anonymous:
        start = time.perf_counter()
        sampler.fit(data, seed=0)
        seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "resident_mib": resident.growth_mib(),
        "anonymous_mib": anonymous.growth_mib(),
        "codes_mib": 2 * 4 * n * DIM / 2**20,
    }


def measure(effort: Effort) -> dict[str, Any]:
    """The fit with centroids of either kind."""
    n = N_LATENTS // 20 if effort.quick else N_LATENTS
    cases = dict(list(CASES.items())[: 1 if effort.quick else None])
    k = N_CENTROIDS // (4 if effort.quick else 1)
    rows = [{"covariances": name, **fit_stream(n, k, arguments)} for name, arguments in cases.items()]
    return {"n_latents": n, "dim": DIM, "n_centroids": k, "rows": rows}
