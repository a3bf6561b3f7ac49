"""Distance of the first two moments of features."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from typing_extensions import Self

__all__ = ["Moments", "frechet_distance"]


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of a set.

    Attributes:
        mean: The mean.
        root: Triangular R with RᵀR the (unbiased) covariance.
    """

    mean: Float[np.ndarray, " features"]
    root: Float[np.ndarray, "rows features"]

    @classmethod
    def of(cls, x: Float[np.ndarray, "n features"]) -> Self:
        """Those of a set, in float64."""
        x = x.astype(np.float64)
        mean = x.mean(0)
        return cls(mean, np.linalg.qr(x - mean, mode="r") / np.sqrt(len(x) - 1))

    def frechet_distance(self, other: Self) -> float:
        """`frechet_distance` of the two sets."""
        cross = np.linalg.svd(self.root @ other.root.T, compute_uv=False).sum()
        shift = np.square(self.mean - other.mean).sum()
        return float(shift + np.square(self.root).sum() + np.square(other.root).sum() - 2 * cross)


def frechet_distance(a: Float[np.ndarray, "n_a features"], b: Float[np.ndarray, "n_b features"]) -> float:
    r"""Squared 2-Wasserstein distance of the normals with the means and covariances of two sets.

    .. math::
        \|m_a - m_b\|^2 + \operatorname{tr}\left(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2}\right)

    (Dowson & Landau 1982; on features of generated images Heusel et al. 2017, arXiv:1706.08500). With
    covariances :math:`\Sigma = R^\top R` the last trace is the sum of the singular values of :math:`R_a R_b^\top`, so
    that no matrix root is taken and singular covariances do no harm. In squared feature units. Its bias grows as sets
    get smaller: compare equal numbers only.
    """
    return Moments.of(a).frechet_distance(Moments.of(b))
