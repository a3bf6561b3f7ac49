"""Metrics whose geometry is known, for the tests of the geometry."""

import math

import torch
from torch import Tensor

from riemann_sampler import FullMetric
from riemann_sampler.metric.metric import Metric

SKEW = torch.tensor([[2.0, 0.9], [0.9, 1.0]], dtype=torch.float64)
"""A metric tensor that no axis is special to."""


def constant_metric(G: Tensor) -> Metric:
    """A metric that is G everywhere: one island, of boundless width."""
    centroid = torch.zeros(1, len(G), dtype=G.dtype)
    return FullMetric(centroid, G[None], temperature=1e9, regularization=1e-15, decay=1e-15)


def accept_always(log_ratio: Tensor, _: torch.Generator) -> Tensor:
    return torch.ones_like(log_ratio, dtype=torch.bool)


def normal_z_score(unit: Tensor) -> float:
    """Largest z-score of means, variances and correlations against N(0, I), over independent rows."""
    i, j = torch.triu_indices(unit.shape[1], unit.shape[1], 1)
    statistics = torch.cat([unit, (unit.square() - 1) / math.sqrt(2), unit[:, i] * unit[:, j]], 1)
    return (statistics.mean(0) * math.sqrt(len(unit))).abs().max().item()
