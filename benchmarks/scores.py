r"""How good, how varied and how new generated data are, from features of theirs and of real data.

All are functions of two arrays, one point a row. A point's ball has for its radius the distance to its k-th nearest
neighbour within its own set; k is 5 as in the experiments of Naeem et al.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import pairwise_distances_chunked
from sklearn.neighbors import NearestNeighbors

__all__ = ["Scores", "authenticity", "coverage", "density", "frechet_distance", "precision", "recall", "score"]

Features = Float[np.ndarray, "n features"]


class Scores(NamedTuple):
    """All scores of a set of generated data; `score` says against which real data."""

    frechet_distance: float
    precision: float
    recall: float
    density: float
    coverage: float
    authenticity: float


def score(
    generated: Float[np.ndarray, "n_generated features"],
    *,
    heldout: Float[np.ndarray, "n_heldout features"],
    train: Float[np.ndarray, "n_train features"],
) -> Scores:
    """Authenticity against the training data, everything else against held-out data."""
    return Scores(
        frechet_distance=frechet_distance(heldout, generated),
        precision=precision(heldout, generated),
        recall=recall(heldout, generated),
        density=density(heldout, generated),
        coverage=coverage(heldout, generated),
        authenticity=authenticity(train, generated),
    )


def frechet_distance(a: Float[np.ndarray, "n_a features"], b: Float[np.ndarray, "n_b features"]) -> float:
    r"""Squared 2-Wasserstein distance of the normals with the means and covariances of two sets.

    .. math::
        \|m_a - m_b\|^2 + \operatorname{tr}\left(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2}\right)

    (Dowson & Landau 1982; on features of generated images Heusel et al. 2017, arXiv:1706.08500). With
    covariances :math:`\Sigma = R^\top R` the last trace is the sum of the singular values of :math:`R_a R_b^\top`, so
    that no matrix root is taken and singular covariances do no harm. In squared feature units.
    """
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    shift = np.square(a.mean(0, dtype=np.float64) - b.mean(0, dtype=np.float64)).sum()
    return float(shift + np.square(root_a).sum() + np.square(root_b).sum() - 2 * cross)


def _covariance_root(x: Features) -> Float[np.ndarray, "rows features"]:
    """Triangular R with RᵀR the (unbiased) covariance."""
    x = x.astype(np.float64)
    return np.linalg.qr(x - x.mean(0), mode="r") / np.sqrt(len(x) - 1)


def precision(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = 5
) -> float:
    """Share of the generated data in the ball of any real point (Kynkäänniemi et al. 2019, arXiv:1904.06991).

    A single outlier among the real data has a large ball; `density` is less moved by it.
    """
    return float((_n_balls(real, generated, k) > 0).mean())


def recall(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = 5
) -> float:
    """Share of the real data in the ball of any generated point (Kynkäänniemi et al. 2019, arXiv:1904.06991)."""
    return precision(generated, real, k)


def density(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = 5
) -> float:
    """Mean number of real balls that hold a generated point, over k (Naeem et al. 2020, arXiv:2002.09797).

    About 1 where both laws agree; it may exceed 1, as where generated data gather in dense regions.
    """
    return float(_n_balls(real, generated, k).mean() / k)


def coverage(
    real: Float[np.ndarray, "n_real features"], generated: Float[np.ndarray, "n_generated features"], k: int = 5
) -> float:
    """Share of the real points' balls that hold any generated point (Naeem et al. 2020, arXiv:2002.09797).

    It grows with the number of generated points: compare equal numbers only.
    """
    nearest, _ = NearestNeighbors(n_neighbors=1).fit(generated).kneighbors(real)
    return float((nearest[:, 0] < _radii(real, k)).mean())


def authenticity(
    train: Float[np.ndarray, "n_train features"], generated: Float[np.ndarray, "n_generated features"]
) -> float:
    """Share of the generated data that are no copies (Alaa et al. 2022, arXiv:2102.08921).

    A generated point counts as a copy if it lies no farther from its nearest training point than that one lies from its
    own nearest training point. Fresh draws from a law in d dimensions score 1/3 for d = 1, rising to 1/2 as d grows:
    they count as copies when both points are each other's nearest. The published code looks up distances between real
    points by the indices of generated ones; this follows the text of the paper.
    """
    distance, nearest = NearestNeighbors(n_neighbors=1).fit(train).kneighbors(generated)
    return float((distance[:, 0] > _radii(train, 1)[nearest[:, 0]]).mean())


def _radii(x: Features, k: int) -> Float[np.ndarray, " n"]:
    """Distance of each point to its k-th nearest neighbour, itself not counted."""
    distances, _ = NearestNeighbors(n_neighbors=k).fit(x).kneighbors()
    return distances[:, -1]


def _n_balls(
    centres: Float[np.ndarray, "n_centres features"], points: Float[np.ndarray, "n_points features"], k: int
) -> Int[np.ndarray, " n_points"]:
    """In how many centres' balls each point lies; computed in blocks of bounded memory."""
    radii = _radii(centres, k)
    count: Callable[..., np.ndarray] = lambda distances, _: (distances < radii).sum(1)  # noqa: E731
    return np.concatenate(list(pairwise_distances_chunked(points, centres, reduce_func=count)))
