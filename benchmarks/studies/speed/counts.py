"""What one evaluation of the gradient takes, counted by formula.

For n chains, K centroids and d dimensions the diagonal form is four matrix products, of (n, 2d) by (2d, K) for the
exponents, (n, K) by (K, d) for the metric, (n, d) by (d, K) for the traces and (n, K) by (K, 2d) for the pull, with two
passes over (n, K) numbers between them: the exponentials, and weights times traces.
"""

__all__ = ["dense_operations", "moved_bytes", "operations", "tensor_bytes"]


def operations(n_chains: int, n_centroids: int, dim: int) -> int:
    """Floating-point operations of the four products and the two passes; an exponential counts as one."""
    return n_chains * n_centroids * (12 * dim + 2)


def moved_bytes(n_chains: int, n_centroids: int, dim: int, itemsize: int) -> int:
    """Bytes read and written, if every product and pass reads its operands and writes its result once."""
    blocks = 9 * n_chains * n_centroids  # product, exponential (2), product, product, times (3), product
    return itemsize * (blocks + 6 * n_centroids * dim + 7 * n_chains * dim)


def dense_operations(n_chains: int, n_centroids: int, dim: int) -> int:
    """Operations of the dense form, on (n, K, d, d) tensors: pull, weighted sum and traces; and n inverses."""
    return n_chains * (n_centroids * (6 * dim**2 + 2 * dim) + 2 * dim**3)


def tensor_bytes(n_chains: int, n_centroids: int, dim: int, itemsize: int) -> int:
    """Bytes of one (n, K, d, d) tensor."""
    return itemsize * n_chains * n_centroids * dim**2
