r"""Line elements: what the length of a curve in latent space is measured by.

With the metric :math:`G` of a latent space (arXiv:2209.07370, eq. (7)),

.. math::
    \|v\|_z^2 = v^\top G(z) v, \qquad
    \|v\|_z^2 = v^\top G(z)^{-1} v, \qquad
    \|v\|_z = V(z) |v|, \; V = (\det G)^{-e/2}

are those of the metric itself, of its inverse, and of the paper's interpolations (eq. (12)), with an exponent
:math:`e`. G is large on the data and decays off them: its own shortest curves may cut through voids, where nothing is
far from anything, while those of the inverse and the conformal element stay on the data. All are computed in log
space, since G spans many orders of magnitude.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import override

from ...errors import ArgumentError
from ...metric import Metric
from ...validation import finite_matrix, positive

__all__ = ["ConformalMetric", "InverseMetric", "LineElement", "OwnMetric", "check_pair", "line_element"]


class LineElement(ABC):
    """A norm of tangent vectors at every position.

    Args:
        metric: The metric that it is made of.
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric

    @property
    def dim(self) -> int:
        """Dimension of the latent space."""
        return self.metric.dim

    @abstractmethod
    def log_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        """Log ‖v‖ at z, of v ≠ 0, and its gradients by z and by v; differentiable."""

    @abstractmethod
    def log_dual_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], p: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        """Log of the dual norm at z of covectors p ≠ 0, and its gradients by z and by p; differentiable."""

    def to_momentum(self, z: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
        """The covectors ∂(½‖v‖²)/∂v of tangent vectors v ≠ 0."""
        log_norm, _, by_vector = self.log_norm_and_gradients(z, v)
        return (2 * log_norm).exp()[:, None] * by_vector


class OwnMetric(LineElement):
    """The metric G itself."""

    @override
    def log_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        return self.metric.log_norm_and_gradients(z, v)

    @override
    def log_dual_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], p: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        return self.metric.log_dual_norm_and_gradients(z, p)


class InverseMetric(LineElement):
    """The inverse G⁻¹, whose shortest curves stay where the data are.

    Args:
        metric: The metric G.

    Example:
        >>> curves = geodesic(InverseMetric(sampler.metric_), a, b)
    """

    @override
    def log_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        return self.metric.log_dual_norm_and_gradients(z, v)

    @override
    def log_dual_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], p: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        return self.metric.log_norm_and_gradients(z, p)


class ConformalMetric(LineElement):
    """The Euclidean norm times (det G)^{−exponent/2}: the paper's interpolations (arXiv:2209.07370, eq. (12)).

    Args:
        metric: The metric G.
        exponent: Exponent e; the paper's is 1. None is 2/dim, at which V² is the inverse square of G's geometric mean
            eigenvalue: with 1, V spans too many orders of magnitude in more than a few dimensions for anything but
            the worst place of a curve to count.

    Raises:
        ArgumentError: If the exponent is not positive and finite.

    Example:
        >>> curves = geodesic(ConformalMetric(sampler.metric_, exponent=1.0), a, b)
    """

    def __init__(self, metric: Metric, exponent: float | None = None) -> None:
        super().__init__(metric)
        self.exponent = 2 / metric.dim if exponent is None else positive("exponent", exponent)

    @override
    def log_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], v: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        return self._scaled(z, v, -self.exponent)

    @override
    def log_dual_norm_and_gradients(
        self, z: Float[Tensor, "n dim"], p: Float[Tensor, "n dim"]
    ) -> tuple[Float[Tensor, " n"], Float[Tensor, "n dim"], Float[Tensor, "n dim"]]:
        return self._scaled(z, p, self.exponent)

    def _scaled(self, z: Tensor, v: Tensor, exponent: float) -> tuple[Tensor, Tensor, Tensor]:
        """Log of (det G)^{exponent/2} |v|, and its gradients."""
        log_volume, by_position = self.metric.log_volume_and_gradient(z)
        square = (v * v).sum(1)
        log_norm = torch.add(0.5 * square.log(), log_volume, alpha=exponent)
        return log_norm, exponent * by_position, v / square[:, None]


def line_element(metric: Metric | LineElement) -> LineElement:
    """A line element as it is; a metric as its own."""
    return metric if isinstance(metric, LineElement) else OwnMetric(metric)


def check_pair(element: LineElement, first: tuple[str, Tensor], second: tuple[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Two named matrices of rows that belong together, in the device and type of the metric; differentiable."""
    like = element.metric.centroids
    one, other = (finite_matrix(name, value, dim=element.dim).to(like) for name, value in (first, second))
    if one.shape != other.shape:
        msg = (
            f"{first[0]} and {second[0]} must have the same shape, row by row; got {tuple(one.shape)} and "
            f"{tuple(other.shape)}."
        )
        raise ArgumentError(msg)
    return one, other
