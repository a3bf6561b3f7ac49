"""Distances on a fine grid: the slow twin of the paths."""

from collections.abc import Callable
from math import gcd
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from torch import Tensor

from riemann_sampler.metric.metric import Metric

NORMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "metric": lambda G, v: torch.einsum("ni,nij,nj->n", v, G, v).sqrt(),
    "inverse": lambda G, v: torch.einsum("ni,nij,nj->n", v, torch.linalg.inv(G), v).sqrt(),
    "conformal": lambda G, v: torch.linalg.det(G).rsqrt() * v.norm(dim=1),
}
"""Norms of tangent vectors by dense matrices G; the conformal one of exponent 1."""

SIMPSON = ((0.0, 1 / 6), (0.5, 4 / 6), (1.0, 1 / 6))


def grid_distances(metric: Metric, norm: str, ends: Tensor, *, half_width: float, n: int) -> tuple[Tensor, Any]:
    """Distances between all pairs of positions, moved to the nearest node, on a square grid; and those nodes.

    Nodes are joined to all that are up to five away and not hidden by a nearer one: directions are off by at most
    six degrees, and lengths by less than one per cent.
    """
    axis = torch.linspace(-half_width, half_width, n, dtype=torch.float64)
    nodes = torch.cartesian_prod(axis, axis)
    index = np.arange(n * n).reshape(n, n)
    steps = [(x, y) for x in range(6) for y in range(-5, 6) if gcd(x, abs(y)) == 1 and (x or y > 0)]
    sources = [index[: n - x, max(0, -y) : n - max(0, y)].ravel() for x, y in steps]
    targets = [index[x:, max(0, y) : n - max(0, -y)].ravel() for x, y in steps]
    i, j = np.concatenate(sources), np.concatenate(targets)
    start, step = nodes[i], nodes[j] - nodes[i]
    lengths = [weight * NORMS[norm](metric.tensor(start + t * step), step) for t, weight in SIMPSON]
    graph = coo_array((sum(lengths).numpy(), (i, j)), shape=(n * n,) * 2).tocsr()
    at = torch.cdist(ends, nodes).argmin(1)
    return nodes[at], dijkstra(graph, directed=False, indices=at.numpy())[:, at.numpy()]
