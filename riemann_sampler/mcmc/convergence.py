"""Whether chains have converged, from the trace of a scalar along them.

R-hat and the effective sample size are those of split chains without ranks (Vehtari et al. 2021, "Rank-normalization,
folding, and localization", sections 3.1 and 3.2): autocovariances by FFT, summed by Geyer's initial monotone sequence.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

__all__ = ["effective_sample_size", "split_r_hat"]

FloatArray = NDArray[np.float64]


def _split(trace: FloatArray) -> FloatArray:
    """Each chain of (steps, chains) cut in two halves of equal length, the middle of an odd number left out."""
    half = len(trace) // 2
    return np.concatenate([trace[:half], trace[-half:]], axis=1)


def split_r_hat(trace: FloatArray) -> float:
    """Split R-hat of a scalar along chains, (steps, chains); NaN below 4 steps or if nothing varies."""
    if len(trace) < 4:
        return math.nan
    halves = _split(trace)
    n = len(halves)
    within = halves.var(0, ddof=1).mean()
    between = halves.mean(0).var(ddof=1)
    return math.sqrt((n - 1) / n + between / within) if within > 0 else math.nan


def effective_sample_size(trace: FloatArray) -> float:
    """Effective sample size, over all steps of all chains, of a scalar (steps, chains); NaN below 4 steps."""
    if len(trace) < 4:
        return math.nan
    halves = _split(trace)
    n, m = halves.shape
    centred = halves - halves.mean(0)
    spectrum = rfft(centred, next_fast_len(2 * n), axis=0)
    covariance = irfft(np.abs(spectrum) ** 2, next_fast_len(2 * n), axis=0)[:n].mean(1) / n
    within = covariance[0] * n / (n - 1)
    total = within * (n - 1) / n + halves.mean(0).var(ddof=1)
    if total <= 0:
        return math.nan
    correlation = 1 - (within - covariance * n / (n - 1)) / total
    correlation[0] = 1.0
    pairs = correlation[: n // 2 * 2].reshape(-1, 2).sum(1)
    positive = int(np.argmax(pairs < 0)) if (pairs < 0).any() else len(pairs)
    tau = -1 + 2 * np.minimum.accumulate(pairs[:positive]).sum()
    return float(n * m / max(tau, 1 / math.log10(n * m)))
