r"""The Riemannian metric of a latent space, learnt from posterior precisions.

.. math::
    G(z) = \sum_{k=1}^{K} \omega_k(z) P_k + \lambda e^{-\tau \|z\|^2} I, \qquad
    \omega_k(z) = \exp\left(-\delta_k(z) / \rho^2\right), \qquad
    \delta_k(z) = (z - c_k)^\top P_k (z - c_k)

(arXiv:2209.07370, eq. (7)), with centroids :math:`c_k`, precisions :math:`P_k`, temperature :math:`\rho`,
regularization :math:`\lambda` and decay :math:`\tau`. Its volume element and the gradient of its logarithm,

.. math::
    \log\sqrt{\det G}, \qquad
    \nabla \log\sqrt{\det G} = -\frac{1}{\rho^2} \sum_k u_k P_k (z - c_k)
        - \tau z \, \lambda e^{-\tau \|z\|^2} \operatorname{tr} G^{-1}, \qquad
    u_k = \omega_k \operatorname{tr}(G^{-1} P_k),

are computed in log space, relative to the largest exponent of each position, so that they stay finite and correct
however far from the data.
"""

import copy
import math
from collections.abc import Callable
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from .errors import ArgumentError
from .quadratics import DiagonalQuadratics, FullQuadratics, row_chunks
from .validation import finite_matrix, positive

__all__ = ["DiagonalMetric", "FullMetric", "Metric", "exp_clamped_"]


def exp_clamped_(exponents: Tensor) -> Tensor:
    """In-place exponential of numbers that are at most 0.

    Exponents are clamped where the result no longer counts beside 1, so far above the denormal floats, which are slow,
    that no product of it with a precision meets them.
    """
    return exponents.clamp_(min=0.6 * math.log(torch.finfo(exponents.dtype).tiny)).exp_()


class Metric:
    """What the metrics share; use `DiagonalMetric` or `FullMetric`."""

    _structure: ClassVar[type[DiagonalQuadratics] | type[FullQuadratics]]
    _precision_axes: ClassVar[int]

    def __init__(
        self,
        centroids: Float[Tensor, "k dim"],
        precisions: Tensor,
        *,
        temperature: float,
        regularization: float,
        decay: float,
        volume_exponent: float = 1.0,
    ) -> None:
        finite_matrix("centroids", centroids)
        k, dim = centroids.shape
        if precisions.shape != (k,) + (dim,) * self._precision_axes:
            wanted = (k,) + (dim,) * self._precision_axes
            msg = f"precisions must have shape {wanted} to match the centroids, got {tuple(precisions.shape)}."
            raise ArgumentError(msg)
        finite_matrix("precisions", precisions.flatten(1))
        self.quadratics = self._structure(centroids, precisions.to(centroids))
        self.temperature = positive("temperature", temperature)
        self.regularization = positive("regularization", regularization)
        self.decay = positive("decay", decay)
        self.volume_exponent = positive("volume_exponent", volume_exponent)

    def replace(self, *, temperature: float, regularization: float, decay: float) -> "Metric":
        """The same centroids and precisions (shared, not copied) with other scalars."""
        other = copy.copy(self)
        other.temperature = positive("temperature", temperature)
        other.regularization = positive("regularization", regularization)
        other.decay = positive("decay", decay)
        return other

    @property
    def centroids(self) -> Float[Tensor, "k dim"]:
        """Centroids c_k, in latent units."""
        return self.quadratics.centroids

    @property
    def precisions(self) -> Tensor:
        """Precisions P_k, (k, dim) or (k, dim, dim), in inverse squared latent units."""
        return self.quadratics.precisions

    @property
    def dim(self) -> int:
        """Dimension of the latent space."""
        return self.quadratics.dim

    def log_volume(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Logarithm of the volume element √det G(z), in nats; differentiable."""
        return self._by_chunks(lambda rows: (self._log_volume(rows, gradient=False)[0],), z)[0]

    def grad_log_volume(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """Gradient of `log_volume` in closed form, in nats per latent unit."""
        return self._by_chunks(lambda rows: self._log_volume(rows, gradient=True), z)[1]

    def log_density(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Unnormalized log density of the volume law, p(z) ∝ (det G(z))^{α/2}, in nats."""
        return self.volume_exponent * self.log_volume(z)

    def log_density_and_gradient(self, z: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """`log_density` and its gradient, for little more than the price of the gradient."""
        log_volume, gradient = self._by_chunks(lambda rows: self._log_volume(rows, gradient=True), z)
        return self.volume_exponent * log_volume, self.volume_exponent * gradient

    def tensor(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim dim"]:
        """The matrices G(z); they underflow to zero where `log_volume` is below the range of floats."""
        coefficients, shift = self._by_chunks(lambda rows: self._scaled(rows)[:2], z)
        return self.quadratics.dense(coefficients * shift.exp()[:, None])

    def inner(
        self, z: Float[Tensor, "n dim"], u: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> Float[Tensor, " n"]:
        """Inner products uᵀ G(z) v of tangent vectors at z."""
        coefficients, shift = self._by_chunks(lambda rows: self._scaled(rows)[:2], z)
        return shift.exp() * (self.quadratics.multiply(coefficients, v) * u).sum(1)

    def overlap(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Effective number of centroids at z, 1 / Σ_k w_k² with w_k = ω_k / Σ_l ω_l."""
        return self._by_chunks(lambda rows: (self._overlap(rows),), z)[0]

    def _by_chunks(self, function: Callable[[Tensor], tuple[Tensor, ...]], z: Tensor) -> list[Tensor]:
        if z.ndim != 2 or z.shape[1] != self.dim:
            msg = f"z must have shape (n, {self.dim}), got {tuple(z.shape)}."
            raise ArgumentError(msg)
        largest = max(self.quadratics.n_centroids, self.dim**self._precision_axes)
        parts = [function(rows) for rows in row_chunks(z, largest)]
        return [torch.cat(columns) if len(parts) > 1 else columns[0] for columns in zip(*parts, strict=True)]

    def _log_weights(self, z: Tensor) -> Tensor:
        return self.quadratics(z, scale=-1 / self.temperature**2)

    def _scaled(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Coefficients of e^{−shift} G(z), the shift, and the weights and floor scaled likewise."""
        logits = self._log_weights(z)
        log_floor = math.log(self.regularization) - self.decay * (z * z).sum(1)
        shift = torch.maximum(logits.detach().amax(1), log_floor.detach())
        weights = exp_clamped_(logits.sub_(shift[:, None]))
        floor = exp_clamped_(log_floor - shift)
        coefficients = self.quadratics.add_identity(self.quadratics.mix(weights), floor)
        return coefficients, shift, weights, floor

    def _log_volume(self, z: Tensor, *, gradient: bool) -> tuple[Tensor, Tensor]:
        coefficients, shift, weights, floor = self._scaled(z)
        log_det, inverse = self.quadratics.log_det_and_inverse(coefficients)
        log_volume = 0.5 * (self.dim * shift + log_det)
        if not gradient:
            return log_volume, z
        u = self.quadratics.traces(inverse).mul_(weights)
        pull = self.quadratics.pull(u, z).div_(self.temperature**2)
        return log_volume, pull.neg_().sub_(z * (self.decay * floor * self.quadratics.trace(inverse))[:, None])

    def _overlap(self, z: Tensor) -> Tensor:
        return self._log_weights(z).softmax(1).square().sum(1).reciprocal()


class DiagonalMetric(Metric):
    """Metric with diagonal precisions (k, dim): G(z) is diagonal and no dim × dim matrix is formed.

    Args:
        centroids: Centroids c_k, in latent units.
        precisions: Diagonals of the precisions P_k, in inverse squared latent units.
        temperature: Width ρ of the weights, in units of the posterior standard deviation.
        regularization: Floor λ of the metric at the origin.
        decay: Rate τ at which the floor decays, in inverse squared latent units.
        volume_exponent: α in the law p(z) ∝ (det G(z))^{α/2}; 1 is the Riemannian uniform law.

    Raises:
        ArgumentError: If shapes differ, or a number is not positive and finite.

    Example:
        >>> metric = DiagonalMetric(torch.zeros(1, 2), torch.ones(1, 2), temperature=1, regularization=1e-3, decay=1e-2)
        >>> metric.log_volume(torch.zeros(1, 2)).shape
        torch.Size([1])
    """

    _structure = DiagonalQuadratics
    _precision_axes = 1


class FullMetric(Metric):
    """Metric with full precisions (k, dim, dim), for covariances with correlations; arguments as `DiagonalMetric`.

    Raises:
        ArgumentError: If shapes differ, a number is not positive and finite, or a precision is not positive definite.
    """

    _structure = FullQuadratics
    _precision_axes = 2
