r"""The terms of a metric, its floor as one more beside those of the centroids, evaluated by four matrix products.

.. math::
    G(z) = \sum_{k=0}^{K} e^{\ell_k(z)} C_k, \qquad
    \ell_k = -\delta_k(z) / \rho^2, \; C_k = P_k \quad (k \ge 1), \qquad
    \ell_0 = \log\lambda - \tau \|z\|^2, \; C_0 = I

Every exponent is a linear function of the same features of z, and

.. math::
    \nabla \log\sqrt{\det G} = \tfrac12 \sum_k u_k \nabla \ell_k, \qquad
    u_k = e^{\ell_k} \operatorname{tr}(G^{-1} C_k) .

Exponents are given in base 2, whose exponential is faster. Positions run along the last axis.
"""

import copy
import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..compute import n_blocks
from .quadratic_forms import Quadratics

__all__ = ["LN2", "LOG2_E", "MetricComponents", "exp2_clamped_", "log2_sum_exp2_"]

LN2, LOG2_E = math.log(2), 1 / math.log(2)


def exp2_clamped_(exponents: Tensor) -> Tensor:
    """In-place 2^x of numbers that are at most 0.

    Exponents are clamped where the result no longer counts beside 1, so far above the denormal floats, which are slow,
    that no product of it with a precision meets them.
    """
    return exponents.clamp_(min=0.6 * math.log2(torch.finfo(exponents.dtype).tiny)).exp2_()


def log2_sum_exp2_(exponents: Float[Tensor, "terms n"]) -> Float[Tensor, " n"]:
    """log2 Σ_k 2^x_k; the exponents are written over."""
    shift = exponents.amax(0)
    return exp2_clamped_(exponents.sub_(shift)).sum(0).log2_().add_(shift)


class MetricComponents:
    """The K + 1 terms of a metric; see the module's text for the symbols. The floor is the last."""

    def __init__(self, quadratics: Quadratics, *, temperature: float, regularization: float, decay: float) -> None:
        self._quadratics = quadratics
        origin, identity = quadratics.origin, quadratics.identity
        precision = 1 / temperature**2
        # −τ‖z‖² in terms of z − origin, which the features hold.
        floor_slope = decay * torch.cat([identity, 2 * origin])
        floor_constant = math.log(regularization) - decay * (origin * origin).sum()
        self._slopes = -torch.cat([precision * quadratics.expansion, floor_slope[None]])  # (k + 1, m + dim)
        self._constants = torch.cat([-precision * quadratics.constant, floor_constant.view(1, 1)])
        self._coefficients = torch.cat([quadratics.coefficients, identity[None]])  # C_k (k + 1, m)

    def __len__(self) -> int:
        """Number of terms."""
        return len(self._constants)

    def blocks(self, n: int) -> Sequence["MetricComponents"]:
        """The terms, so few at a time that a number for each and each of n positions stays in a core's cache."""
        wanted = n_blocks(len(self) * n, self._constants.device)
        if wanted <= 1:
            return (self,)
        size = math.ceil(len(self) / wanted)
        return [self._some(slice(first, first + size)) for first in range(0, len(self), size)]

    def _some(self, rows: slice) -> "MetricComponents":
        some = copy.copy(self)
        some._slopes, some._constants = self._slopes[rows], self._constants[rows]
        some._coefficients = self._coefficients[rows]
        return some

    def features(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n features"]:
        """What the exponents are linear in."""
        return self._quadratics.features(z)

    def exponents(
        self, features: Float[Tensor, "n features"], out: Float[Tensor, "terms n"] | None = None
    ) -> Float[Tensor, "terms n"]:
        """The exponents ℓ_k / ln 2 of positions with these features."""
        return torch.addmm(self._constants, self._slopes, features.T, beta=LOG2_E, alpha=LOG2_E, out=out)

    def mix(self, weights: Float[Tensor, "terms n"]) -> Float[Tensor, "n m"]:
        """Coefficients of Σ_k weights_k C_k."""
        return (self._coefficients.T @ weights).T

    def traces(
        self, coefficients: Float[Tensor, "n m"], out: Float[Tensor, "terms n"] | None = None
    ) -> Float[Tensor, "terms n"]:
        """Traces tr(A C_k) of n symmetric matrices A given by their coefficients."""
        return torch.mm(self._coefficients, coefficients.T, out=out)

    def slope_sums(self, u: Float[Tensor, "terms n"]) -> Float[Tensor, "n features"]:
        """Slopes of Σ_k u_k ℓ_k at fixed u, as a function of the features."""
        return (self._slopes.T @ u).T

    def half_gradient(self, sums: Float[Tensor, "n features"], z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """½ Σ_k u_k ∇ℓ_k(z), by the slopes of that sum."""
        m = self._coefficients.shape[1]
        squared = self._quadratics.multiply(sums[:, :m], z - self._quadratics.origin)
        return squared.add_(sums[:, m:], alpha=0.5)
