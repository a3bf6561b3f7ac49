"""What is to be known of posteriors before a geometry is made of them, in one pass."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .passes import chunks, in_double
from .protocols import GaussianPosterior

__all__ = ["Survey", "survey"]

INACTIVE_SHARE = 0.01
"""A unit is inactive if its codes make less than this share of its aggregate variance (after Burda et al. 2016)."""


class Survey(NamedTuple):
    """Extremes and moments of posteriors; none of them means anything if a number is not finite.

    Attributes:
        n_bad: Number of rows that are not finite, among the means and among the log-variances.
        first_bad: The first row of each that is not.
        narrowest: Smallest log-variance.
        widest: Largest log-variance.
        identical: Whether all codes are the same.
        spread: Unbiased variance of the codes along each latent axis.
        variance: Mean posterior variance along each.
    """

    n_bad: tuple[int, int]
    first_bad: tuple[int, int]
    narrowest: float
    widest: float
    identical: bool
    spread: Float[Tensor, " dim"]
    variance: Float[Tensor, " dim"]

    @property
    def active(self) -> Bool[Tensor, " dim"]:
        """Whether each latent unit carries information; where it does not, the posterior has collapsed."""
        return self.spread >= INACTIVE_SHARE * (self.spread + self.variance)


def survey(posterior: GaussianPosterior) -> Survey:
    """Extremes and moments of at least two posteriors."""
    origin = in_double(posterior.mean[0])
    shift, squares, variances = (torch.zeros_like(origin) for _ in range(3))
    n_bad, first_bad = [0, 0], [0, 0]
    narrowest, widest, identical, first = math.inf, -math.inf, True, 0
    for rows in chunks(posterior):
        for part, values in enumerate(rows):
            bad = (~torch.isfinite(values).all(1)).nonzero()[:, 0]
            if len(bad) and not n_bad[part]:
                first_bad[part] = first + int(bad[0])
            n_bad[part] += len(bad)
        mean, log_variance = map(in_double, rows)
        deviation = mean - origin
        shift += deviation.sum(0)
        squares += deviation.square().sum(0)
        variances += log_variance.exp().sum(0)
        narrowest = min(narrowest, log_variance.min().item())
        widest = max(widest, log_variance.max().item())
        identical = identical and not deviation.any()
        first += len(mean)
    n = len(posterior.mean)
    return Survey(
        n_bad=(n_bad[0], n_bad[1]),
        first_bad=(first_bad[0], first_bad[1]),
        narrowest=narrowest,
        widest=widest,
        identical=identical,
        spread=(squares - shift.square() / n) / (n - 1),
        variance=variances / n,
    )
