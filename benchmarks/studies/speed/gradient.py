"""(a) One evaluation of the gradient at 100 chains, against the dense form and against the bare matrix products.

Every case has a process of its own: what a d×d tensor costs depends on the memory that earlier ones left to reuse. Two
cases are timed again in processes that keep all their memory. Where a tensor of the dense form would not fit into the
budget, it is timed on fewer chains and centroids, and its time scaled by the product of both, to which it is
proportional; two cases that fit are timed both ways to check that.
"""

import itertools
from collections.abc import Callable
from typing import Any

import torch
from tqdm import tqdm

from ...data.synthetic import Case, dtype_name, make_case
from ...harness.timing import ONE_THREAD, Effort, in_own_process, seconds_in_turn
from ...samplers.published import dense_gradient
from .counts import dense_operations, moved_bytes, operations, tensor_bytes

__all__ = ["affordable", "bare_products", "measure", "row"]

N_CHAINS = 100
DIMS, CENTROIDS = (2, 16, 64, 256), (100, 1_000, 10_000, 60_000)
BUDGET = 512 * 2**20
"""Bytes that a (chains, centroids, dim, dim) tensor may take."""

LEAST_CHAINS = 10
"""Chains that the dense form is timed on at the least."""

BLOCK_NUMBERS = 2**18
"""Numbers in a block of (chains, centroids) that stays in the cache."""

KEPT_MEMORY = ((16, 100), (64, 100))
"""Dimensions and centroids of the cases that are timed again."""

KEEP = {"MALLOC_MMAP_THRESHOLD_": str(2**31 - 1), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
"""Environment variables under which glibc gives no memory back to the system."""

CHECKS = ((16, 1_000, 16 * 2**20), (64, 100, 32 * 2**20))
"""Dimensions, centroids and the small budget, in bytes, of the cases that are timed whole and in part."""


def affordable(n_chains: int, n_centroids: int, dim: int, itemsize: int, budget: int = BUDGET) -> tuple[int, int]:
    """Chains and centroids for which one tensor of the dense form fits the budget; chains are given up first."""
    pairs = budget // tensor_bytes(1, 1, dim, itemsize)
    least = min(LEAST_CHAINS, n_chains)
    k = min(n_centroids, max(1, pairs // least))
    return max(least, min(n_chains, pairs // k)), k


def dense(case: Case) -> torch.Tensor:
    """The gradient by d×d tensors."""
    return dense_gradient(case.z, case.centroids, torch.diag_embed(case.precisions), **case.scalars)


def bare_products(n_chains: int, n_centroids: int, dim: int, dtype: torch.dtype) -> Callable[[], None]:
    """Nothing but the four matrix products and the exponentials, in blocks of centroids, all memory reused."""
    generator = torch.Generator().manual_seed(0)

    def numbers(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, dtype=dtype, generator=generator)

    width = min(n_centroids, max(1, BLOCK_NUMBERS // n_chains))
    widths = [width] * (n_centroids // width) + [n_centroids % width] * (n_centroids % width > 0)
    features, inverse = numbers(n_chains, 2 * dim) / -dim, numbers(n_chains, dim)  # exponents of about −½
    tables = [(numbers(2 * dim, w), numbers(w, dim), numbers(dim, w), numbers(w, 2 * dim)) for w in widths]
    blocks = {w: (features.new_empty(n_chains, w), features.new_empty(n_chains, w)) for w in set(widths)}
    metric, pull = features.new_empty(n_chains, dim), features.new_empty(n_chains, 2 * dim)

    def run() -> None:
        for expansion, coefficients, transposed, columns in tables:
            weights, traces = blocks[expansion.shape[1]]
            torch.mm(features, expansion, out=weights).exp_()
            torch.mm(weights, coefficients, out=metric)
            torch.mm(inverse, transposed, out=traces)
            torch.mm(traces, columns, out=pull)

    return run


def row(dim: int, n_centroids: int, dtype: torch.dtype, rounds: int) -> dict[str, Any]:
    """One case: seconds of ours, of the dense form and of the floor, in turn."""
    case = make_case(N_CHAINS, n_centroids, dim, dtype)
    metric, itemsize = case.metric(), dtype.itemsize
    n, k = affordable(N_CHAINS, n_centroids, dim, itemsize)
    part = case.part(n, k)
    functions = {
        "ours": lambda: metric.grad_log_volume(case.z),
        "dense": lambda: dense(part),
        "floor": bare_products(N_CHAINS, n_centroids, dim, dtype),
    }
    seconds = seconds_in_turn(functions, rounds)
    seconds["dense"] *= N_CHAINS * n_centroids / (n * k)
    slow = dense(part)
    return {
        "dtype": dtype_name(dtype),
        "dim": dim,
        "n_centroids": n_centroids,
        **seconds,
        "ratio": seconds["dense"] / seconds["ours"],
        "floor_share": seconds["floor"] / seconds["ours"],
        "dense_timed_on": [n, k],
        "dense_is_scaled": (n, k) != (N_CHAINS, n_centroids),
        "operations": operations(N_CHAINS, n_centroids, dim),
        "moved_bytes": moved_bytes(N_CHAINS, n_centroids, dim, itemsize),
        "dense_operations": dense_operations(N_CHAINS, n_centroids, dim),
        "dense_tensor_bytes": tensor_bytes(N_CHAINS, n_centroids, dim, itemsize),
        "relative_difference": ((part.metric().grad_log_volume(part.z) - slow).norm() / slow.norm()).item(),
    }


def check(dim: int, n_centroids: int, budget: int, rounds: int) -> dict[str, Any]:
    """The dense form's time scaled up from a part, over its time on the whole."""
    case = make_case(N_CHAINS, n_centroids, dim)
    n, k = affordable(N_CHAINS, n_centroids, dim, case.z.element_size(), budget)
    part = case.part(n, k)
    seconds = seconds_in_turn({"whole": lambda: dense(case), "part": lambda: dense(part)}, rounds)
    scaled = seconds["part"] * N_CHAINS * n_centroids / (n * k)
    return {
        "dim": dim,
        "n_centroids": n_centroids,
        "timed_on": [n, k],
        "whole": seconds["whole"],
        "scaled": scaled,
        "ratio": scaled / seconds["whole"],
    }


def measure(effort: Effort) -> dict[str, Any]:
    """All cases, and whether scaling the dense form's time is right."""
    sizes = (DIMS[1:3], CENTROIDS[:2]) if effort.quick else (DIMS, CENTROIDS)
    cases = list(itertools.product((torch.float64, torch.float32), *sizes))
    bar = tqdm(cases, desc="gradient", unit="case", leave=False)
    rows = [in_own_process(row, dim, k, dtype, effort.rounds) for dtype, dim, k in bar]
    kept = [
        in_own_process(row, *case, torch.float64, effort.rounds, variables=ONE_THREAD | KEEP) for case in KEPT_MEMORY
    ]
    checks = [in_own_process(check, *case, effort.rounds) for case in (CHECKS[1:] if effort.quick else CHECKS)]
    return {"n_chains": N_CHAINS, "rows": rows, "kept_memory": kept, "scaling_checks": checks}
