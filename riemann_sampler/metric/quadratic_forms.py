r"""K quadratic forms around K centroids, evaluated by matrix products.

.. math:: \delta_k(z) = (z - c_k)^\top P_k (z - c_k), \qquad P_k = \Sigma_k^{-1}

This is all that metrics and island mixtures need to know of how the precisions :math:`P_k` are stored. Both
structures write :math:`P_k` as a row of "coefficients" (the diagonal, or the flattened matrix), so that every sum
over centroids is one product with a (k, coefficients) matrix; no (n, k, dim) tensor is ever formed.

Products run with the positions along the last axis, (k, n), and are returned transposed: matrix products of few rows
and many columns are faster than their transposes.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import override

from ..compute import RowChunks
from ..errors import ArgumentError

__all__ = ["DiagonalQuadratics", "FullQuadratics", "Quadratics"]


class Quadratics(ABC):
    """K quadratic forms; see the module's text for the symbols."""

    def __init__(self, centroids: Float[Tensor, "k dim"], coefficients: Float[Tensor, "k m"]) -> None:
        self.centroids = centroids
        self.n_centroids, self.dim = centroids.shape
        # Positions are taken relative to the mean centroid: the expanded square below cancels less.
        self.origin = centroids.mean(0)
        centres = centroids - self.origin
        linear = self.multiply(coefficients, centres)  # P_k c_k (k, dim)
        self.constant = (centres * linear).sum(1)[:, None]  # (k, 1)
        self.expansion = torch.cat([coefficients, -2 * linear], 1)  # (k, m + dim)
        self.coefficients = self.expansion[:, : coefficients.shape[1]]
        self.chunks = RowChunks(max(coefficients.shape))

    # What a structure has to say -------------------------------------------------------------------------------

    @property
    @abstractmethod
    def precisions(self) -> Tensor:
        """The precisions P_k, (k, dim) or (k, dim, dim)."""

    @property
    @abstractmethod
    def log_det(self) -> Float[Tensor, " k"]:
        """Log-determinants of the P_k, in nats."""

    @property
    @abstractmethod
    def variances(self) -> Float[Tensor, "k dim"]:
        """Diagonal of the covariances, in squared latent units."""

    @staticmethod
    @abstractmethod
    def monomials(z: Float[Tensor, "n dim"]) -> Float[Tensor, "n m"]:
        """The products of coordinates that the coefficients multiply in zᵀ P z."""

    @staticmethod
    @abstractmethod
    def multiply(coefficients: Float[Tensor, "n m"], v: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """Matrix times vector, row by row."""

    @property
    @abstractmethod
    def identity(self) -> Float[Tensor, " m"]:
        """Coefficients of the unit matrix."""

    @abstractmethod
    def log_det_and_inverse(
        self, coefficients: Float[Tensor, "n m"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n m"]]:
        """Log-determinant and inverse of n positive definite matrices given by their coefficients."""

    @abstractmethod
    def root_solve(self, coefficients: Float[Tensor, "n m"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """Standard normal noise turned into draws of N(0, A⁻¹), for n positive definite matrices A."""

    @abstractmethod
    def dense(self, coefficients: Float[Tensor, "n m"]) -> Float[Tensor, "n dim dim"]:
        """The matrices themselves."""

    @abstractmethod
    def colour(self, index: Int[Tensor, " n"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """Standard normal noise turned into draws of N(0, Σ_k), k = index."""

    # What follows from it --------------------------------------------------------------------------------------

    def features(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """What the rows of `expansion` multiply in δ_k(z) − `constant`_k: monomials and coordinates from the origin."""
        z = z - self.origin
        return torch.cat([self.monomials(z), z], 1)

    def __call__(self, z: Float[Tensor, "n dim"], scale: float = 1.0) -> Float[Tensor, "n k"]:
        """The products scale · δ_k(z) for every centroid: one matrix product of size (n, m + dim, k)."""
        return torch.addmm(self.constant, self.expansion, self.features(z).T, beta=scale, alpha=scale).T

    def nearest(
        self, z: Float[Tensor, "n dim"], *, excluding: Int[Tensor, " n"] | None = None
    ) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
        """Distance √δ_k(z) to the nearest centroid, and its index; one can be excluded for each position."""

        def of(z: Tensor, *excluded: Tensor) -> tuple[Tensor, Tensor]:
            squares = self(z)
            for index in excluded:
                squares.scatter_(1, index[:, None], torch.inf)
            square, index = squares.min(1)
            return square.clamp(min=0).sqrt(), index

        distance, index = self.chunks.map(of, z, *([] if excluding is None else [excluding]))
        return distance, index


class DiagonalQuadratics(Quadratics):
    """Quadratic forms with diagonal precisions, given as (k, dim)."""

    def __init__(self, centroids: Float[Tensor, "k dim"], precisions: Float[Tensor, "k dim"]) -> None:
        if not (precisions > 0).all():
            msg = f"precisions must be positive, the smallest is {precisions.min().item():.3g}."
            raise ArgumentError(msg)
        super().__init__(centroids, precisions)
        self._deviations = precisions.rsqrt()

    @property
    @override
    def precisions(self) -> Float[Tensor, "k dim"]:
        return self.coefficients

    @property
    @override
    def log_det(self) -> Float[Tensor, " k"]:
        return self.coefficients.log().sum(1)

    @property
    @override
    def variances(self) -> Float[Tensor, "k dim"]:
        return self._deviations.square()

    @staticmethod
    @override
    def monomials(z: Float[Tensor, "n dim"]) -> Float[Tensor, "n m"]:
        return z * z

    @staticmethod
    @override
    def multiply(coefficients: Float[Tensor, "n m"], v: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        return coefficients * v

    @property
    @override
    def identity(self) -> Float[Tensor, " m"]:
        return torch.ones_like(self.origin)

    @override
    def log_det_and_inverse(
        self, coefficients: Float[Tensor, "n m"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n m"]]:
        return coefficients.log().sum(1), coefficients.reciprocal()

    @override
    def root_solve(self, coefficients: Float[Tensor, "n m"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        return coefficients.rsqrt() * noise

    @override
    def dense(self, coefficients: Float[Tensor, "n m"]) -> Float[Tensor, "n dim dim"]:
        return torch.diag_embed(coefficients)

    @override
    def colour(self, index: Int[Tensor, " n"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        return self._deviations[index] * noise


class FullQuadratics(Quadratics):
    """Quadratic forms with full precisions (k, dim, dim); an `ArgumentError` if one is not positive definite."""

    def __init__(self, centroids: Float[Tensor, "k dim"], precisions: Float[Tensor, "k dim dim"]) -> None:
        asymmetry = (precisions - precisions.mT).abs().amax((1, 2)) > 1e-4 * precisions.abs().amax((1, 2))
        precisions = (precisions + precisions.mT) / 2
        factors, failure = torch.linalg.cholesky_ex(precisions)
        self._factors: Tensor = factors  # lower Cholesky factors (k, dim, dim)
        unfit = (asymmetry | (failure > 0)).nonzero()
        if len(unfit):
            msg = f"precisions[{int(unfit[0, 0])}] is not symmetric positive definite; add a multiple of the identity "
            msg += "to its covariance."
            raise ArgumentError(msg)
        super().__init__(centroids, precisions.flatten(1))

    @property
    @override
    def precisions(self) -> Float[Tensor, "k dim dim"]:
        return self.dense(self.coefficients)

    @property
    @override
    def log_det(self) -> Float[Tensor, " k"]:
        return 2 * self._factors.diagonal(dim1=1, dim2=2).log().sum(1)

    @property
    @override
    def variances(self) -> Float[Tensor, "k dim"]:
        return torch.cholesky_inverse(self._factors).diagonal(dim1=1, dim2=2)

    @staticmethod
    @override
    def monomials(z: Float[Tensor, "n dim"]) -> Float[Tensor, "n m"]:
        return (z[:, :, None] * z[:, None, :]).flatten(1)

    @staticmethod
    @override
    def multiply(coefficients: Float[Tensor, "n m"], v: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        dim = v.shape[1]
        return torch.bmm(coefficients.unflatten(1, (dim, dim)), v[:, :, None])[:, :, 0]

    @property
    @override
    def identity(self) -> Float[Tensor, " m"]:
        return torch.eye(self.dim, dtype=self.origin.dtype, device=self.origin.device).flatten()

    @override
    def log_det_and_inverse(
        self, coefficients: Float[Tensor, "n m"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n m"]]:
        factors = self._factor(coefficients)
        log_det = 2 * factors.diagonal(dim1=1, dim2=2).log().sum(1)
        return log_det, torch.cholesky_inverse(factors).flatten(1)

    @override
    def root_solve(self, coefficients: Float[Tensor, "n m"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        return _upper_solve(self._factor(coefficients), noise)

    def _factor(self, coefficients: Float[Tensor, "n m"]) -> Float[Tensor, "n dim dim"]:
        """Lower Cholesky factors.

        Rounding may cost positive definiteness far from all centroids: the factor is then NaN, which samplers reject
        and callers see, instead of a wrong number.
        """
        factors, failure = torch.linalg.cholesky_ex(self.dense(coefficients))
        return torch.where((failure > 0)[:, None, None], torch.nan, factors)

    @override
    def dense(self, coefficients: Float[Tensor, "n m"]) -> Float[Tensor, "n dim dim"]:
        return coefficients.reshape(-1, self.dim, self.dim)

    @override
    def colour(self, index: Int[Tensor, " n"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        return _upper_solve(self._factors[index], noise)


def _upper_solve(factors: Float[Tensor, "n dim dim"], v: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
    """The x of Lᵀ x = v."""
    column: Tensor = torch.linalg.solve_triangular(factors.mT, v[:, :, None], upper=True)
    return column[:, :, 0]
