r"""The Riemannian Gaussian with straight lines for geodesics: as good a guide to it as is cheap.

.. math::
    \pi^*(z) \propto \exp\left(-\frac{\bar d(z)^2}{2 \sigma}\right) \sqrt{\det G(z)}, \qquad
    \bar d(z) = \int_0^1 \|z - \mu\|_{\mu + t (z - \mu)} \, dt \ge d(z, \mu)

Global moves between the islands of G are proposed from the island mixture of √det G (`islands`), each island weighted
by what the exponential is at its centre.
"""

import math
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...metric import IslandMixture, Metric

__all__ = ["StraightGaussian"]

QUADRATURE_POINTS = 8
"""Gauss-Legendre points along a straight line; whatever they miss makes another guide, which is no worse."""


class StraightGaussian:
    """The law π*, by its log density and by proposals for global moves; see the module's text for the symbols.

    Args:
        metric: The metric G.
        mean: The mean μ.
        variance: The variance σ, in squared lengths of G.
    """

    def __init__(self, metric: Metric, mean: Float[Tensor, "1 dim"], variance: float) -> None:
        self.mean, self.variance = mean, variance
        self._metric = metric.replace(volume_exponent=1.0).with_buffers()  # of √det G, whatever the metric samples
        nodes, weights = np.polynomial.legendre.leggauss(QUADRATURE_POINTS)
        self._at = mean.new_tensor((nodes + 1) / 2)[:, None]
        self._log_weights = mean.new_tensor(np.log(weights / 2))

    @cached_property
    def _islands(self) -> IslandMixture:
        islands = IslandMixture.of(self._metric)
        masses = islands.log_weights
        return IslandMixture(
            islands.quadratics,
            scale=islands.scale,
            log_masses=masses[:-1] - self.energy(islands.quadratics.centroids),
            floor=(masses[-1].item(), 1 / math.sqrt(self._metric.decay * self._metric.dim)),
        )

    def energy(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """The exponent d̄² / 2σ."""
        return (2 * self._log_lengths(z)[0]).exp() / (2 * self.variance)

    def log_density_and_gradient(self, z: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """Unnormalized log density, in nats, and its gradient."""
        log_volume, gradient = self._metric.log_volume_and_gradient(z)
        log_length, slope = self._log_lengths(z)
        pull = (2 * log_length).exp() / self.variance
        # At the mean there is no direction, and no pull.
        pulled = torch.where((pull > 0)[:, None], pull[:, None] * slope, 0.0)
        return torch.sub(log_volume, pull, alpha=0.5), gradient - pulled

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent proposals for global moves."""
        return self._islands.sample(n, generator)

    def log_weight(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Log of the density over that of the proposals, up to a constant."""
        return self._metric.log_volume(z) - self.energy(z) - self._islands.log_density(z)

    def _log_lengths(self, z: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"]]:
        """Log lengths of straight lines from the mean, and their gradients by z."""
        v = (z - self.mean)[:, None].expand(-1, QUADRATURE_POINTS, -1)
        at = self.mean + self._at * v
        parts = self._metric.log_norm_and_gradients(at.flatten(0, 1), v.flatten(0, 1))
        log_norm, by_position, by_vector = (part.unflatten(0, at.shape[:2]) for part in parts)
        logs = log_norm + self._log_weights
        log_length = logs.logsumexp(1)
        shares = (logs - log_length[:, None]).exp()[:, :, None]  # of the length, at each point
        return log_length, (shares * (self._at * by_position + by_vector)).sum(1)
