"""What is to be known of posteriors before a geometry is made of them, in one pass."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..compute import warn_user
from ..errors import ArgumentTypeError, CollapseWarning, DataError, DimensionWarning, SpreadWarning
from ..protocols import GaussianPosterior
from .streaming import chunks, in_double

__all__ = ["MANY_DIMENSIONS", "PosteriorSummary", "check_posterior", "summarize"]

INACTIVE_SHARE = 0.01
"""A unit is inactive if its codes make less than this share of its aggregate variance (after Burda et al. 2016)."""


class PosteriorSummary(NamedTuple):
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


def summarize(posterior: GaussianPosterior) -> PosteriorSummary:
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
    return PosteriorSummary(
        n_bad=(n_bad[0], n_bad[1]),
        first_bad=(first_bad[0], first_bad[1]),
        narrowest=narrowest,
        widest=widest,
        identical=identical,
        spread=(squares - shift.square() / n) / (n - 1),
        variance=variances / n,
    )


def check_posterior(posterior: GaussianPosterior, *, name: str = "latents") -> None:
    """Raise `DataError` on posteriors that no metric can be made of, warn of those that make a poor one.

    No metric comes of fewer than two codes, shapes that differ, numbers that are not finite, a log-variance that
    overflows, or codes that are all identical; a poor one of latent units that have collapsed, of very many dimensions,
    or of posteriors that are all wider than the prior.
    """
    for part, values in zip(posterior._fields, posterior, strict=True):
        if not isinstance(values, Tensor) or not values.is_floating_point():
            kind = values.dtype if isinstance(values, Tensor) else type(values).__name__
            msg = f"{name}: {part} must be a floating-point tensor, got {kind}."
            raise ArgumentTypeError(msg)
    mean, log_variance = posterior
    if mean.ndim != 2 or mean.shape != log_variance.shape or mean.shape[1] == 0:
        msg = (
            f"{name}: mean and log_variance must both have shape (n, dim), got {tuple(mean.shape)} and "
            f"{tuple(log_variance.shape)}."
        )
        raise DataError(msg)
    if len(mean) < 2:
        msg = f"{name}: at least 2 data points are needed, got {len(mean)}."
        raise DataError(msg)
    found = summarize(posterior)
    for part, n_bad, row in zip(posterior._fields, found.n_bad, found.first_bad, strict=True):
        if n_bad:
            msg = f"{name}: {part} must be finite, but {n_bad} rows are not, the first is row {row}."
            raise DataError(msg)
    bound = math.log(torch.finfo(torch.float32).max)
    largest = max(-found.narrowest, found.widest)
    if largest > bound:
        msg = (
            f"{name}: log_variance must lie within ±{bound:.1f}, or its exponential overflows; found {largest:.4g} in "
            "absolute value. Is it a natural logarithm of a variance?"
        )
        raise DataError(msg)
    if found.identical:
        msg = f"{name}: all {len(mean)} codes are identical, so there is no geometry to learn. Is the model trained?"
        raise DataError(msg)
    _warn(found, name)


def _warn(found: PosteriorSummary, name: str) -> None:
    dim = len(found.spread)
    if dim > MANY_DIMENSIONS:
        msg = (
            f"{name}: the latent space has {dim} dimensions. Above {MANY_DIMENSIONS} the geometry takes "
            "minutes, and distances between codes differ little; law='islands' is the faster one."
        )
        warn_user(msg, DimensionWarning)
    if found.narrowest > 0:
        msg = (
            f"{name}: every log-variance is positive, the smallest is {found.narrowest:.3g}. Is it a standard "
            "deviation or a variance? Then wrap the model in a FunctionAdapter with spread='std' or spread='variance'."
        )
        warn_user(msg, SpreadWarning)
    inactive = (~found.active).nonzero()[:, 0].tolist()
    if inactive:
        msg = (
            f"{name}: {len(inactive)} of {dim} latent units are inactive (posterior collapse): {inactive}. "
            "The metric is flat along them; a lower beta or a sharper likelihood would use them."
        )
        warn_user(msg, CollapseWarning)


MANY_DIMENSIONS = 4096
"""Beyond, `check_posterior` warns."""
