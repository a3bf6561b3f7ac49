r"""Near copies: draws that are closer to a training code than fresh data would be.

Distances are Mahalanobis, by the codes' own posteriors. A draw is a near copy if it is less than half as far from its
nearest code as that code is from its nearest other code. In d informative dimensions about :math:`2^{-d}` of fresh data
are near copies; the codes themselves, each left out in turn, tell what is usual for these data.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..compute import progress_bar
from ..encoding import in_double
from ..metric import DUPLICATE_DISTANCE, DiagonalQuadratics
from ..protocols import GaussianPosterior

__all__ = ["MOST_DRAWS", "NearCopies", "near_copies"]

MOST_DRAWS, LEAST_DRAWS, N_CODES_LEFT_OUT = 1_000, 100, 300
PAIRS = 2 * 10**8
"""Pairs of draws and codes that are compared; where codes are many, draws are fewer, but not below the least."""

CODES_AT_A_TIME = 4096
HALF = 0.5


class NearCopies(NamedTuple):
    """Shares of near copies, in [0, 1]; NaN where there are too few codes to tell.

    Attributes:
        of_draws: Among the draws.
        of_codes: Among the training codes, each compared with the others.
    """

    of_draws: float
    of_codes: float


def near_copies(posterior: GaussianPosterior, z: Float[Tensor, "n dim"]) -> NearCopies:
    """Shares of near copies among some of the draws, and among the codes themselves."""
    n_codes = len(posterior.mean)
    if n_codes < 3 or len(z) == 0:
        return NearCopies(math.nan, math.nan)
    z = in_double(z[: max(LEAST_DRAWS, min(MOST_DRAWS, PAIRS // n_codes))].to(posterior.mean.device))
    order = torch.randperm(n_codes, generator=torch.Generator().manual_seed(0))
    left_out = order[:N_CODES_LEFT_OUT].to(posterior.mean.device)
    points = torch.cat([z, in_double(posterior.mean[left_out])])
    nobody = torch.full((len(z),), -1, device=left_out.device)
    excluded = torch.cat([nobody, left_out])[:, None]
    distance, code = _nearest(posterior, points, excluded)
    # Codes that coincide are one code: they do not tell how far apart codes are.
    closest = DUPLICATE_DISTANCE * math.sqrt(z.shape[1])
    others = torch.cat([excluded, code[:, None]], 1)
    spacing, _ = _nearest(posterior, in_double(posterior.mean[code]), others, beyond=closest)
    is_copy = (distance < HALF * spacing).double()
    return NearCopies(is_copy[: len(z)].mean().item(), is_copy[len(z) :].mean().item())


def _nearest(
    posterior: GaussianPosterior,
    points: Float[Tensor, "n dim"],
    excluded: Int[Tensor, "n codes"],
    *,
    beyond: float = 0.0,
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """Distance to the nearest code, and its row, leaving out some codes for each point, and those that are too near."""
    best = torch.full_like(points[:, 0], torch.inf)
    code = torch.zeros(len(points), dtype=torch.long, device=points.device)
    starts = range(0, len(posterior.mean), CODES_AT_A_TIME)
    for start in progress_bar(starts, desc="near copies", unit="chunk"):
        rows = slice(start, start + CODES_AT_A_TIME)
        mean, log_variance = in_double(posterior.mean[rows]), in_double(posterior.log_variance[rows])
        distance = DiagonalQuadratics(mean, (-log_variance).exp())(points).clamp(min=0).sqrt()
        for column in (excluded - start).T:
            inside = ((column >= 0) & (column < len(mean))).nonzero()[:, 0]
            distance[inside, column[inside]] = torch.inf
        distance[distance < beyond] = torch.inf
        nearest, row = distance.min(1)
        code = torch.where(nearest < best, row + start, code)
        best = torch.minimum(nearest, best)
    return best, code
