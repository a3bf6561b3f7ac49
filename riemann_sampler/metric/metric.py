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
however far from the data; `terms` says how.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, reduce
from typing import ClassVar, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from ..compute import Buffers
from ..errors import ArgumentError
from ..validation import finite_matrix, positive
from .components import LN2, LOG2_E, MetricComponents, exp2_clamped_, log2_sum_exp2_
from .quadratic_forms import DiagonalQuadratics, FullQuadratics, Quadratics

__all__ = ["DiagonalMetric", "FullMetric", "Metric"]


KEPT_NUMBERS = 2**23
"""Numbers of weights, (positions, centroids), that one evaluation keeps between its two passes: 64 MiB in float64."""


class _ExponentBlock(NamedTuple):
    """A block of terms, their exponents x_k at each position, and whether the weights made of these are kept."""

    terms: MetricComponents
    exponents: Float[Tensor, "terms n"]
    is_kept: bool


class _WeightBlock(NamedTuple):
    """A block of terms, for each position its largest exponent, and the weights 2^{x_k − shift} if they were kept."""

    terms: MetricComponents
    shift: Float[Tensor, " n"]
    weights: Float[Tensor, "terms n"] | None


class _Scaled(NamedTuple):
    """Coefficients of 2^{−shift} G(z), the shift, and the blocks of weights that they were made of."""

    coefficients: Float[Tensor, "n m"]
    shift: Float[Tensor, " n"]
    blocks: list[_WeightBlock]


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
        self._quadratics = self._structure(centroids, precisions.to(centroids))
        self._temperature = positive("temperature", temperature)
        self._regularization = positive("regularization", regularization)
        self._decay = positive("decay", decay)
        self._volume_exponent = positive("volume_exponent", volume_exponent)
        self._buffers: Buffers | None = None

    def __repr__(self) -> str:
        scalars = ("temperature", "regularization", "decay", "volume_exponent")
        values = ", ".join(f"{name}={getattr(self, name):.4g}" for name in scalars)
        return f"{type(self).__name__}({self.quadratics.n_centroids:,} centroids in {self.dim} dimensions, {values})"

    def with_buffers(self) -> "Metric":
        """The same metric, for a loop of one thread: temporaries are written where those before were; no autograd."""
        other = copy.copy(self)
        other._buffers = Buffers()
        return other

    def replace(
        self,
        *,
        temperature: float | None = None,
        regularization: float | None = None,
        decay: float | None = None,
        volume_exponent: float | None = None,
    ) -> "Metric":
        """The same centroids and precisions (shared, not copied) with other scalars; None keeps one."""
        other = copy.copy(self)
        other.__dict__.pop("_terms", None)
        given = {
            "temperature": temperature,
            "regularization": regularization,
            "decay": decay,
            "volume_exponent": volume_exponent,
        }
        for name, value in given.items():
            if value is not None:
                setattr(other, f"_{name}", positive(name, value))
        return other

    @property
    def quadratics(self) -> Quadratics:
        """The quadratic forms δ_k around the centroids."""
        return self._quadratics

    @property
    def temperature(self) -> float:
        """Temperature ρ."""
        return self._temperature

    @property
    def regularization(self) -> float:
        """Floor λ."""
        return self._regularization

    @property
    def decay(self) -> float:
        """Rate τ of the floor, in inverse squared latent units."""
        return self._decay

    @property
    def volume_exponent(self) -> float:
        """Exponent α of the volume law."""
        return self._volume_exponent

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

        def of(rows: Tensor) -> tuple[Tensor]:
            return (self._log_volume(self._scale(self._exponents(self._terms.features(rows))))[0],)

        return self._by_chunks(of, z)[0]

    def grad_log_volume(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """Gradient of `log_volume` in closed form, in nats per latent unit."""
        return self.log_volume_and_gradient(z)[1]

    def log_density(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Unnormalized log density of the volume law, p(z) ∝ (det G(z))^{α/2}, in nats."""
        return self.volume_exponent * self.log_volume(z)

    def log_volume_and_gradient(self, z: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """`log_volume` and its gradient, for little more than the price of the gradient."""
        log_volume, gradient = self._by_chunks(self._log_volume_and_gradient, z)
        return log_volume, gradient

    def log_density_and_gradient(self, z: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """`log_density` and its gradient."""
        log_volume, gradient = self.log_volume_and_gradient(z)
        return self.volume_exponent * log_volume, self.volume_exponent * gradient

    def log_volume_and_sum_of_powers(
        self, z: Float[Tensor, "n dim"], power: float, offsets: Float[Tensor, " terms"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
        """`log_volume`, and log Σ_k exp(power · ℓ_k(z) + offset_k) over the exponents of its terms, the floor last."""
        offset_exponents = LOG2_E * offsets[:, None]

        def both(rows: Tensor) -> tuple[Tensor, Tensor]:
            log_sums, first = [], 0

            def summed() -> Iterator[_ExponentBlock]:
                nonlocal first
                for block in self._exponents(self._terms.features(rows)):
                    offset = offset_exponents[first : first + len(block.terms)]
                    out = self._block("products", block.exponents.shape)
                    log_sums.append(log2_sum_exp2_(torch.add(offset, block.exponents, alpha=power, out=out)))
                    first += len(block.terms)
                    yield block

            log_volume, _ = self._log_volume(self._scale(summed()))
            return log_volume, reduce(torch.logaddexp2, log_sums).mul(LN2)

        log_volume, log_sum = self._by_chunks(both, z)
        return log_volume, log_sum

    def tensor(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim dim"]:
        """The matrices G(z); they underflow to zero where `log_volume` is below the range of floats."""
        return self.quadratics.dense(self._coefficients(z))

    def inner(
        self, z: Float[Tensor, "n dim"], u: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> Float[Tensor, " n"]:
        """Inner products uᵀ G(z) v of tangent vectors at z."""
        return (self.quadratics.multiply(self._coefficients(z), v) * u).sum(1)

    def colour(self, z: Float[Tensor, "n dim"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """Standard normal noise turned into draws of N(0, G(z)⁻¹); infinite where G is below the range of floats."""

        def of(z: Tensor, noise: Tensor) -> tuple[Tensor]:
            scaled = self._scale(self._exponents(self._terms.features(z)))
            return (self.quadratics.root_solve(scaled.coefficients, noise) * (-0.5 * scaled.shift).exp2()[:, None],)

        return self._by_chunks(of, z, noise)[0]

    def log_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        """Logarithm of √(vᵀ G(z) v) of tangent vectors v ≠ 0, and its gradients by z and by v, at any scale of G."""
        log_norm, by_position, by_vector = self._by_chunks(self._norm_and_gradients, z, v)
        return log_norm, by_position, by_vector

    def log_dual_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], p: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        """Logarithm of √(pᵀ G(z)⁻¹ p) of covectors p ≠ 0, and its gradients by z and by p."""
        log_norm, by_position, by_covector = self._by_chunks(self._dual_norm_and_gradients, z, p)
        return log_norm, by_position, by_covector

    def overlap(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Effective number of centroids at z, 1 / Σ_k w_k² with w_k = ω_k / Σ_l ω_l."""
        return self._by_chunks(lambda rows: (self.overlap_by(self.quadratics(rows)),), z)[0]

    def overlap_by(self, squares: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
        """`overlap` by the squares δ_k(z), where these are known."""
        relative = squares - squares.amin(1, keepdim=True)
        weights = exp2_clamped_(relative.mul_(-LOG2_E / self.temperature**2))
        return weights.sum(1).square_().div_(weights.square_().sum(1))

    @cached_property
    def _terms(self) -> MetricComponents:
        return MetricComponents(
            self.quadratics, temperature=self.temperature, regularization=self.regularization, decay=self.decay
        )

    def _by_chunks(self, function: Callable[..., tuple[Tensor, ...]], z: Tensor, *also: Tensor) -> list[Tensor]:
        if z.ndim != 2 or z.shape[1] != self.dim:
            msg = f"z must have shape (n, {self.dim}), got {tuple(z.shape)}."
            raise ArgumentError(msg)
        return self.quadratics.chunks.map(function, z, *also)

    def _exponents(self, features: Tensor, *, keep: bool = False) -> Iterator[_ExponentBlock]:
        """The exponents of all terms, block by block; memory of those that are not kept is written over by the next."""
        for index, terms in enumerate(self._terms.blocks(len(features))):
            shape = (len(terms), len(features))
            is_kept = keep and (index + 1) * math.prod(shape) <= KEPT_NUMBERS
            out = self._block(f"weights {index}" if is_kept else "exponents", shape)
            yield _ExponentBlock(terms, terms.exponents(features, out), is_kept)

    def _scale(self, blocks: Iterable[_ExponentBlock]) -> _Scaled:
        """G from the exponents of its terms, which are written over."""
        coefficients: Tensor | None = None
        shift, weighed = torch.empty(0), []
        for terms, exponents, is_kept in blocks:
            own = exponents.detach().amax(0)
            weights = exp2_clamped_(exponents.sub_(own))
            weighed.append(_WeightBlock(terms, own, weights if is_kept else None))
            added = terms.mix(weights)
            if coefficients is None:
                coefficients, shift = added, own
            else:
                before, shift = shift, torch.maximum(shift, own)
                coefficients = coefficients * _ratio(before, shift) + added * _ratio(own, shift)
        return _Scaled(cast("Tensor", coefficients), shift, weighed)

    def _coefficients(self, z: Tensor) -> Tensor:
        """Coefficients of G(z)."""
        coefficients, shift = self._by_chunks(
            lambda rows: self._scale(self._exponents(self._terms.features(rows)))[:2], z
        )
        return coefficients * shift.exp2()[:, None]

    def _log_volume(self, scaled: _Scaled) -> tuple[Tensor, Tensor]:
        """Log volume, and the inverse of 2^{−shift} G(z)."""
        log_det, inverse = self.quadratics.log_det_and_inverse(scaled.coefficients)
        return 0.5 * torch.add(log_det, scaled.shift, alpha=self.dim * LN2), inverse

    def _log_volume_and_gradient(self, z: Tensor) -> tuple[Tensor, Tensor]:
        features = self._terms.features(z)
        scaled = self._scale(self._exponents(features, keep=True))
        log_volume, inverse = self._log_volume(scaled)
        return log_volume, self._terms.half_gradient(self._slopes(features, scaled, inverse), z)

    def _norm_and_gradients(self, z: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self._terms.features(z)
        scaled = self._scale(self._exponents(features, keep=True))
        covector = self.quadratics.multiply(scaled.coefficients, v)
        square = (covector * v).sum(1)
        slopes = self._slopes(features, scaled, self.quadratics.monomials(v))
        return (
            0.5 * torch.add(square.log(), scaled.shift, alpha=LN2),
            self._terms.half_gradient(slopes, z) / square[:, None],
            covector / square[:, None],
        )

    def _dual_norm_and_gradients(self, z: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self._terms.features(z)
        scaled = self._scale(self._exponents(features, keep=True))
        _, inverse = self._log_volume(scaled)
        vector = self.quadratics.multiply(inverse, p)
        square = (vector * p).sum(1)
        slopes = self._slopes(features, scaled, self.quadratics.monomials(vector))
        return (
            0.5 * torch.sub(square.log(), scaled.shift, alpha=LN2),
            -self._terms.half_gradient(slopes, z) / square[:, None],
            vector / square[:, None],
        )

    def _slopes(self, features: Tensor, scaled: _Scaled, coefficients: Tensor) -> Tensor:
        """Slopes of Σ_k 2^{x_k − shift} tr(A C_k) ℓ_k at fixed factors, for matrices A of these coefficients."""
        sums = []
        for terms, own, weights in scaled.blocks:
            shape = (len(terms), len(features))
            if weights is None:
                weights = exp2_clamped_(terms.exponents(features, self._block("exponents", shape)).sub_(own))
            share = coefficients if len(scaled.blocks) == 1 else coefficients * _ratio(own, scaled.shift)
            sums.append(terms.slope_sums(terms.traces(share, self._block("products", shape)).mul_(weights)))
        return reduce(torch.add, sums)

    def _block(self, name: str, shape: tuple[int, ...]) -> Tensor | None:
        """Where a block of numbers is to be written; None is new memory."""
        return None if self._buffers is None else self._buffers(name, shape, self.centroids)


def _ratio(own: Float[Tensor, " n"], shift: Float[Tensor, " n"]) -> Float[Tensor, "n 1"]:
    """2^{own − shift} for own ≤ shift, or 0 where it does not count beside 1: its products meet no denormal floats."""
    exponents = own - shift
    return torch.where(exponents < 0.3 * math.log2(torch.finfo(own.dtype).tiny), 0.0, exponents.exp2())[:, None]


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
