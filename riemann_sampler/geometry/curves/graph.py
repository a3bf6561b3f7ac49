"""Shortest paths on a graph of positions: distances, and good starts for curves.

Each node is joined to its nearest neighbours, and the nodes of a Euclidean minimum spanning tree to one another, so
that the graph is connected. An edge is as long as the straight line between its ends by the line element.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from sklearn.metrics import pairwise_distances
from torch import Tensor

from .line_elements import LineElement

__all__ = ["graph_distances", "polylines", "straight_log_lengths"]

QUADRATURE_POINTS = 8
LARGEST_EXPONENT = 300.0
"""Logarithms of edge lengths are kept within this of their median: sums of them stay in the range of floats."""

Edges = tuple[Int[np.ndarray, " edges"], Int[np.ndarray, " edges"]]
Array = NDArray[np.float64]


def straight_log_lengths(
    element: LineElement, a: Float[Tensor, "n dim"], b: Float[Tensor, "n dim"]
) -> Float[Tensor, " n"]:
    """Log length of the straight line from each a to its b, by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_POINTS)
    t = a.new_tensor((nodes + 1) / 2)[:, None]
    z = torch.lerp(a[:, None], b[:, None], t)  # (n, points, dim)
    v = (b - a)[:, None].expand_as(z)
    log_norm = element.log_norm_and_gradients(z.flatten(0, 1), v.flatten(0, 1))[0].view(z.shape[:2])
    return (log_norm + a.new_tensor(np.log(weights / 2))).logsumexp(1)


def _neighbours(from_: Array, to: Array, n_neighbors: int) -> Int[np.ndarray, "n k"]:
    """Indices of the nearest of ``to`` for each of ``from_``."""
    k = min(n_neighbors, len(to))
    return np.argpartition(pairwise_distances(from_, to), k - 1, axis=1)[:, :k]


def _graph_edges(nodes: Array, n_neighbors: int) -> Edges:
    """Pairs (i, j), i < j, of neighbours and of the spanning tree."""
    distances = pairwise_distances(nodes)
    np.fill_diagonal(distances, np.inf)
    k = min(n_neighbors, len(nodes) - 1)
    near = np.argpartition(distances, k - 1, axis=1)[:, :k] if k else np.empty((len(nodes), 0), np.int64)
    np.fill_diagonal(distances, 0)
    # A zero entry is no edge for scipy: nodes at the same place are joined as neighbours, as far as they have room.
    tree = minimum_spanning_tree(np.where(distances == 0, np.finfo(float).tiny, distances)).tocoo()
    i = np.concatenate([np.repeat(np.arange(len(nodes)), k), tree.row])
    j = np.concatenate([near.ravel(), tree.col])
    pairs = np.unique(np.stack([np.minimum(i, j), np.maximum(i, j)], 1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs[:, 0], pairs[:, 1]


class _Lengths:
    """Edge lengths relative to their median, so that none leaves the range of floats."""

    def __init__(self, logs: Array) -> None:
        self.log_unit = float(np.median(logs[np.isfinite(logs)])) if np.isfinite(logs).any() else 0.0
        self.relative: Array = np.exp(np.clip(logs - self.log_unit, -LARGEST_EXPONENT, LARGEST_EXPONENT))


def graph_distances(
    element: LineElement, points: Float[Tensor, "n dim"], *, n_neighbors: int = 12
) -> Float[np.ndarray, "n n"]:
    """Lengths of the shortest paths between all pairs of positions, along edges between neighbours.

    Args:
        element: What measures lengths.
        points: Positions, the nodes of the graph.
        n_neighbors: Neighbours that each is joined to.

    Returns:
        A symmetric matrix; its numbers are at least the true distances, up to a common factor where these would leave
        the range of floats.
    """
    i, j = _graph_edges(points.cpu().double().numpy(), n_neighbors)
    lengths = _Lengths(straight_log_lengths(element, points[i], points[j]).cpu().double().numpy())
    graph = coo_array((lengths.relative, (i, j)), shape=(len(points),) * 2).tocsr()
    unit = np.exp(np.clip(lengths.log_unit, -LARGEST_EXPONENT, LARGEST_EXPONENT))
    distances: Array = unit * dijkstra(graph, directed=False)
    return distances


def polylines(
    element: LineElement,
    nodes: Float[Tensor, "k dim"],
    a: Float[Tensor, "n dim"],
    b: Float[Tensor, "n dim"],
    *,
    n_neighbors: int = 12,
) -> list[Float[np.ndarray, "corners dim"]]:
    """The shortest path from each a to its b over the nodes, or straight if that is shorter.

    A pair's path depends on no other pair: it leaves and enters the graph of the nodes at neighbours of its own ends.
    """
    n, k = len(a), len(nodes)
    at, start, end = (x.cpu().double().numpy() for x in (nodes, a, b))
    i, j = _graph_edges(at, n_neighbors)
    out, into = _neighbours(start, at, n_neighbors), _neighbours(end, at, n_neighbors)
    own = np.arange(n)
    first, last = np.repeat(k + own, out.shape[1]), np.repeat(k + n + own, into.shape[1])
    sources = np.concatenate([i, j, first, into.ravel(), k + own])
    targets = np.concatenate([j, i, out.ravel(), last, k + n + own])
    everything = torch.cat([nodes, a, b])
    half = len(i)
    one_way = straight_log_lengths(
        element,
        everything[np.concatenate([i, sources[2 * half :]])],
        everything[np.concatenate([j, targets[2 * half :]])],
    ).cpu().double().numpy()  # fmt: skip
    lengths = _Lengths(np.concatenate([one_way[:half], one_way]))
    graph = coo_array((lengths.relative, (sources, targets)), shape=(k + 2 * n,) * 2).tocsr()
    before = dijkstra(graph, indices=k + own, return_predecessors=True)[1]
    corners = np.concatenate([at, start, end])
    return [corners[_trace(before[row], k + row, k + n + row)] for row in range(n)]


def _trace(before: Int[np.ndarray, " nodes"], source: int, target: int) -> list[int]:
    path = [target]
    while path[-1] != source:
        path.append(int(before[path[-1]]))
    return path[::-1]
