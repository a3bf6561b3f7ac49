r"""The island mixture: one Gaussian for each centroid, and one for the floor of a metric.

Around an isolated centroid the volume law :math:`p(z) \propto (\det G(z))^{\alpha/2}` is an unnormalized Gaussian, an
"island", of covariance :math:`s^2 \Sigma_k` with :math:`s^2 = \rho^2 / (\alpha d)` and mass
:math:`(2\pi s^2)^{d/2} |\Sigma_k|^{(1-\alpha)/2}`. The floor contributes :math:`N(0, \sigma_f^2 I)` with
:math:`\sigma_f^2 = 1 / (\alpha \tau d)` and mass :math:`\lambda^{\alpha d/2} (2\pi\sigma_f^2)^{d/2}`. Their mixture is
sampled exactly and equals the volume law where islands do not overlap.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .components import LN2, LOG2_E, exp2_clamped_
from .metric import Metric
from .quadratic_forms import Quadratics

__all__ = ["Floor", "IslandMixture", "floor_share", "island_scale", "proper_floor"]


LARGEST_EXPONENT = 700.0
"""Exponentials of more than this, or of less than its negative, leave the range of double precision."""


class Floor(NamedTuple):
    """Scalars of the floor λ e^{−τ‖z‖²}."""

    regularization: float
    decay: float


def island_scale(temperature: float, volume_exponent: float, dim: int) -> float:
    """Width s = ρ / √(αd) of an isolated island, in units of the posterior standard deviation."""
    return temperature / math.sqrt(volume_exponent * dim)


def _log_floor_mass(floor: Floor, volume_exponent: float, dim: int) -> float:
    log_variance = -math.log(volume_exponent * floor.decay * dim)
    return 0.5 * dim * (volume_exponent * math.log(floor.regularization) + math.log(2 * math.pi) + log_variance)


def _log_island_masses(quadratics: Quadratics, temperature: float, volume_exponent: float) -> Float[Tensor, " k"]:
    scale = island_scale(temperature, volume_exponent, quadratics.dim)
    constant = 0.5 * quadratics.dim * math.log(2 * math.pi * scale**2)
    return constant - 0.5 * (1 - volume_exponent) * quadratics.log_det


def floor_share(metric: Metric) -> float:
    """Share of the island mixture's mass that the floor holds, in [0, 1]."""
    log_islands = _log_island_masses(metric.quadratics, metric.temperature, metric.volume_exponent).logsumexp(0)
    floor = Floor(metric.regularization, metric.decay)
    return float(torch.sigmoid(_log_floor_mass(floor, metric.volume_exponent, metric.dim) - log_islands.double()))


def proper_floor(
    quadratics: Quadratics, temperature: float, volume_exponent: float, *, share: float, decay: float
) -> Floor:
    """The floor of given decay τ that holds a given share of the mass: λ solved in closed form, in log space.

    At very small α the answer may lie beyond the range of floats: the nearest float is taken then.
    """
    log_islands = float(_log_island_masses(quadratics, temperature, volume_exponent).logsumexp(0))
    log_mass = log_islands + math.log(share) - math.log1p(-share)
    log_unit_mass = _log_floor_mass(Floor(1.0, decay), volume_exponent, quadratics.dim)
    log_regularization = 2 * (log_mass - log_unit_mass) / (volume_exponent * quadratics.dim)
    return Floor(math.exp(min(max(log_regularization, -LARGEST_EXPONENT), LARGEST_EXPONENT)), decay)


class IslandMixture:
    """Mixture of N(c_k, s² Σ_k), and of N(0, σ_f² I) when there is a floor.

    Args:
        quadratics: Centroids c_k and precisions Σ_k⁻¹.
        scale: Island scale s, in units of the posterior standard deviation.
        log_masses: Unnormalized log weights of the islands, in nats.
        floor: Unnormalized log weight and standard deviation σ_f of the floor, or None.
    """

    def __init__(
        self,
        quadratics: Quadratics,
        *,
        scale: float,
        log_masses: Float[Tensor, " k"],
        floor: tuple[float, float] | None = None,
    ) -> None:
        self.quadratics = quadratics
        self.scale = scale
        dim, self._floor_deviation = quadratics.dim, floor[1] if floor else 1.0
        floor_mass = log_masses.new_tensor([floor[0] if floor else -math.inf])
        self.log_weights = torch.log_softmax(torch.cat([log_masses, floor_mass]), 0)  # (k + 1,), the floor last
        self._cumulative = self.log_weights.double().exp().cumsum(0)
        log_normalizers = quadratics.log_det - dim * math.log(2 * math.pi * scale**2)
        log_normalizer = -dim * math.log(2 * math.pi * self._floor_deviation**2)
        normalizers = torch.cat([log_normalizers, floor_mass.new_tensor([log_normalizer])])
        self.log_peaks = self.log_weights + 0.5 * normalizers  # (k + 1,), weighted densities at the centres
        self._peak_exponents = LOG2_E * self.log_peaks[:-1]

    @classmethod
    def of(cls, metric: Metric) -> "IslandMixture":
        """The islands of a metric's volume law, with the masses that they have in isolation."""
        exponent, dim = metric.volume_exponent, metric.dim
        floor = Floor(metric.regularization, metric.decay)
        return cls(
            metric.quadratics,
            scale=island_scale(metric.temperature, exponent, dim),
            log_masses=_log_island_masses(metric.quadratics, metric.temperature, exponent),
            floor=(_log_floor_mass(floor, exponent, dim), 1 / math.sqrt(exponent * floor.decay * dim)),
        )

    def sample(self, n: int, generator: torch.Generator) -> Float[Tensor, "n dim"]:
        """Independent exact draws."""
        like = self.quadratics.centroids
        uniform = torch.rand(n, dtype=torch.float64, device=like.device, generator=generator)
        index = torch.searchsorted(self._cumulative, uniform * self._cumulative[-1], right=True)
        noise = torch.randn(n, self.quadratics.dim, dtype=like.dtype, device=like.device, generator=generator)
        return self._place(index.clamp(max=len(self._cumulative) - 1), noise)

    def _place(self, index: Int[Tensor, " n"], noise: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        k = self.quadratics.n_centroids
        island = index.clamp(max=k - 1)
        on_island = self.quadratics.centroids[island] + self.scale * self.quadratics.colour(island, noise)
        return torch.where((index < k)[:, None], on_island, self._floor_deviation * noise)

    def log_density(self, z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Normalized log density, in nats."""
        return self.quadratics.chunks.map(lambda rows: (self.log_density_by(self.quadratics(rows), rows),), z)[0]

    def log_density_by(self, squares: Float[Tensor, "n k"], z: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """`log_density` by the squares δ_k(z), where these are known."""
        exponents = torch.add(self._peak_exponents, squares, alpha=-0.5 * LOG2_E / self.scale**2)
        shift = exponents.amax(1)
        islands = exp2_clamped_(exponents.sub_(shift[:, None])).sum(1).log2_().add_(shift).mul_(LN2)
        floor = self.log_peaks[-1] - 0.5 * (z * z).sum(1) / self._floor_deviation**2
        return torch.logaddexp(islands, floor)
