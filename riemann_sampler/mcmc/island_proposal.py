r"""Importance weights of a metric's volume law over its island mixture, from one evaluation of the metric's terms.

The volume law :math:`\pi \propto (\det \sum_k e^{\ell_k} C_k)^{\alpha/2}` and the mixture share their exponents:

.. math:: q(z) = \sum_{k=0}^{K} \exp\left(\tfrac{\alpha d}{2} \ell_k(z) + b_k\right),

an isolated term of G being raised to the power :math:`\alpha d / 2` by the determinant; :math:`b_k` follows from the
density of each component at its centre.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..metric import IslandMixture, Metric

__all__ = ["IslandProposal"]


class IslandProposal:
    """Draws from the island mixture of a metric, and their weights under its volume law."""

    def __init__(self, metric: Metric) -> None:
        self.islands = IslandMixture.of(metric)
        self._metric = metric
        self._power = 0.5 * metric.volume_exponent * metric.dim
        # At its centre a centroid's exponent is 0, and the floor's is log λ.
        offsets = self.islands.log_peaks.clone()
        offsets[-1] -= self._power * math.log(metric.regularization)
        self._offsets = offsets

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent draws from the mixture."""
        return self.islands.sample(n, generator)

    def log_weight(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log of the weights π/q up to a constant, in nats."""
        log_volume, log_mixture = self._metric.log_volume_and_sum_of_powers(z, self._power, self._offsets)
        return self._metric.volume_exponent * log_volume - log_mixture
