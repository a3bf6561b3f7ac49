"""What labels of few codes borrow from the others: how wide islands are.

A covariance, or an island scale, that is estimated from a handful of codes is mostly noise, and a single code gives
none. A label of n distinct codes therefore trusts its own with a weight w = min(1, (n - 1) / 10), and takes the rest
from all labels: covariances become w own + (1 - w) pooled, logarithms of scales likewise (shrinkage towards a pooled
covariance, as in Friedman's regularized discriminant analysis, 1989). From eleven codes on nothing is borrowed. The
posterior covariances of single codes are no estimates, and stay.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError
from ..metric import Centroids

__all__ = ["ENOUGH_CODES", "Estimate", "Islands", "shrink_to_pooled"]

ENOUGH_CODES: Final = 11
"""Distinct codes from which on a label's own estimates stand."""


class Estimate(NamedTuple):
    """What a label's codes say of its islands.

    Attributes:
        n_codes: Distinct codes, or as many as were looked at and found enough.
        centroids: Centroids with their covariances.
        from_spread: Whether these covariances tell how codes are spread, and not how wide single posteriors are.
        scale: Island scale; None if it takes two codes to tell, and there is one.
    """

    n_codes: int
    centroids: Centroids
    from_spread: bool
    scale: float | None

    @property
    def weight(self) -> float:
        """How far its own estimates are trusted, from 0 for a single code to 1."""
        return min(1.0, (self.n_codes - 1) / (ENOUGH_CODES - 1))


class Islands(NamedTuple):
    """Centroids and scale of a label's islands, settled."""

    centroids: Centroids
    scale: float


def shrink_to_pooled(estimates: Mapping[Hashable, Estimate]) -> dict[Hashable, Islands]:
    """Islands of every label; a `DataError` if a scale takes two codes of one label, and there is none with two."""
    telling = [estimate for estimate in estimates.values() if estimate.n_codes > 1]
    if not telling and any(estimate.scale is None for estimate in estimates.values()):
        where = " of one label" if len(estimates) > 1 else ""
        msg = f"island_scale='calibrated' needs two distinct codes{where}, got 1; pass a number, such as 1."
        raise DataError(msg)
    pool = _pool(telling) if telling and len(estimates) > 1 else None
    return {label: _settle(estimate, pool) for label, estimate in estimates.items()}


class _Pool(NamedTuple):
    covariance: Tensor
    log_scale: float


def _pool(telling: Sequence[Estimate]) -> _Pool:
    """Means over labels, weighted by their degrees of freedom, as far as codes were counted."""
    degrees = [estimate.n_codes - 1 for estimate in telling]
    covariances = torch.stack([estimate.centroids.covariances.mean(0) for estimate in telling])
    weights = covariances.new_tensor(degrees) / sum(degrees)
    log_scales = [math.log(estimate.scale or 1.0) for estimate in telling]
    return _Pool(torch.tensordot(weights, covariances, 1), float(np.average(log_scales, weights=degrees)))


def _settle(estimate: Estimate, pool: _Pool | None) -> Islands:
    centroids, scale, own = estimate.centroids, estimate.scale or 1.0, estimate.weight
    if pool is None or own == 1:
        return Islands(centroids, scale)
    if estimate.from_spread:
        centroids = centroids._replace(covariances=torch.lerp(pool.covariance, centroids.covariances, own))
    return Islands(centroids, math.exp(own * math.log(scale) + (1 - own) * pool.log_scale))
