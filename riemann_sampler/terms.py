r"""The terms of a metric, its floor as one more beside those of the centroids, evaluated by four matrix products.

.. math::
    G(z) = \sum_{k=0}^{K} e^{\ell_k(z)} C_k, \qquad
    \ell_k = -\delta_k(z) / \rho^2, \; C_k = P_k \quad (k \ge 1), \qquad
    \ell_0 = \log\lambda - \tau \|z\|^2, \; C_0 = I

Every exponent is a linear function of the same features of z, and

.. math::
    \nabla \log\sqrt{\det G} = \tfrac12 \sum_k u_k \nabla \ell_k, \qquad
    u_k = e^{\ell_k} \operatorname{tr}(G^{-1} C_k) .

Exponents are given in base 2, whose exponential is two to three times as fast. Positions run along the last axis.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from .quadratics import Quadratics

__all__ = ["LN2", "LOG2_E", "Terms", "exp2_clamped_"]

LN2, LOG2_E = math.log(2), 1 / math.log(2)


def exp2_clamped_(exponents: Tensor) -> Tensor:
    """In-place 2^x of numbers that are at most 0.

    Exponents are clamped where the result no longer counts beside 1, so far above the denormal floats, which are slow,
    that no product of it with a precision meets them.
    """
    return exponents.clamp_(min=0.6 * math.log2(torch.finfo(exponents.dtype).tiny)).exp2_()


class Terms:
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

    def exponents(
        self, z: Float[Tensor, "n dim"], out: Float[Tensor, "terms n"] | None = None
    ) -> Float[Tensor, "terms n"]:
        """The exponents ℓ_k(z) / ln 2."""
        features = self._quadratics.features(z).T
        return torch.addmm(self._constants, self._slopes, features, beta=LOG2_E, alpha=LOG2_E, out=out)

    def mix(self, weights: Float[Tensor, "terms n"]) -> Float[Tensor, "n m"]:
        """Coefficients of Σ_k weights_k C_k."""
        return (self._coefficients.T @ weights).T

    def traces(
        self, coefficients: Float[Tensor, "n m"], out: Float[Tensor, "terms n"] | None = None
    ) -> Float[Tensor, "terms n"]:
        """Traces tr(A C_k) of n symmetric matrices A given by their coefficients."""
        return torch.mm(self._coefficients, coefficients.T, out=out)

    def half_gradient(self, u: Float[Tensor, "terms n"], z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """½ Σ_k u_k ∇ℓ_k(z)."""
        sums = (self._slopes.T @ u).T
        m = self._coefficients.shape[1]
        squared = self._quadratics.multiply(sums[:, :m], z - self._quadratics.origin)
        return squared.add_(sums[:, m:], alpha=0.5)
