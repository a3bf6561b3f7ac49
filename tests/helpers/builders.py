"""Random posteriors and metrics for the tests, from seeds."""

import functools
import warnings
from typing import Any

import torch
from torch import Tensor

from riemann_sampler import (
    DiagonalMetric,
    FullMetric,
    GaussianPosterior,
    RiemannianUniformSampler,
    RiemannSamplerWarning,
)
from riemann_sampler.metric.metric import Metric

SCALARS: dict[str, float] = {"temperature": 1.3, "regularization": 0.05, "decay": 0.1}


def generator(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal float64 draws."""
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def precision_matrices(k: int, dim: int, seed: int = 0) -> Tensor:
    """Symmetric positive definite matrices with correlations."""
    factors = normal(k, dim, dim, seed=seed)
    return factors @ factors.mT / dim + 0.3 * torch.eye(dim, dtype=torch.float64)


def precision_diagonals(k: int, dim: int, seed: int = 0) -> Tensor:
    return (0.7 * normal(k, dim, seed=seed)).exp()


def diagonal_metric(k: int = 6, dim: int = 3, *, seed: int = 0, spread: float = 1.5, **scalars: float) -> Metric:
    centroids, precisions = spread * normal(k, dim, seed=seed), precision_diagonals(k, dim, seed + 1)
    return DiagonalMetric(centroids, precisions, **{**SCALARS, **scalars})


def full_metric(k: int = 6, dim: int = 3, *, seed: int = 0, spread: float = 1.5, **scalars: float) -> Metric:
    centroids, precisions = spread * normal(k, dim, seed=seed), precision_matrices(k, dim, seed + 1)
    return FullMetric(centroids, precisions, **{**SCALARS, **scalars})


METRICS: dict[str, Any] = {"diagonal": diagonal_metric, "full": full_metric}


def moved(metric: Metric, *args: Any) -> Metric:
    """The same metric with its tensors elsewhere, or in another dtype."""
    scalars = {name: getattr(metric, name) for name in (*SCALARS, "volume_exponent")}
    return type(metric)(metric.centroids.to(*args), metric.precisions.to(*args), **scalars)


def posterior(
    n: int = 200, dim: int = 2, *, seed: int = 0, spread: float = 1.0, log_variance: float = -3.0
) -> GaussianPosterior:
    """Normal codes with varied posterior variances, float64."""
    return GaussianPosterior(spread * normal(n, dim, seed=seed), log_variance + 0.3 * normal(n, dim, seed=seed + 1))


class TwoHalves:
    """A latent model without parameters: data are means and log-variances side by side, decoded as (n, 1, 2 dim)."""

    def __init__(self, latent_dim: int = 2) -> None:
        self.latent_dim = latent_dim
        self.encoded: list[int] = []
        self.decoded: list[int] = []

    def encode(self, x: Any) -> GaussianPosterior:
        self.encoded.append(len(x))
        return GaussianPosterior(*torch.as_tensor(x).float().chunk(2, 1))

    def decode(self, z: Tensor) -> Tensor:
        if len(z) == 0:
            msg = "like many a network, this one takes no empty batch"
            raise ValueError(msg)
        self.decoded.append(len(z))
        return torch.cat([z, z.square()], 1)[:, None]


def data(n: int = 60, dim: int = 2, **arguments: Any) -> Tensor:
    """What `TwoHalves` encodes to a `posterior`, float32."""
    return torch.cat(posterior(n, dim, **arguments), 1).float()


SETUPS: dict[str, dict[str, Any]] = {
    "uniform": {"preset": "uniform", "n_centroids": 30},
    "uniform, full": {"preset": "uniform", "n_centroids": 30, "covariance_structure": "full", "temperature": 1.0},
    "uniform, full clusters": {
        "preset": "uniform",
        "n_centroids": 10,
        "centroid_covariance": "cluster",
        "covariance_structure": "full",
        "temperature": 1.0,
    },
    "paper": {"preset": "paper", "n_centroids": 30, "n_steps": 10, "n_leapfrog_steps": 3},
    "calibrated": {"preset": "calibrated"},
    "clusters": {"preset": "clusters"},
    "local": {"preset": "local"},
}
"""Every preset, and both structures of the volume law, in small."""


def fitted(setup: str, x: Any = None, labels: Any = None, **overrides: Any) -> RiemannianUniformSampler:
    """A sampler fitted on `data` through `TwoHalves`; the paper's warnings are left to the tests about them."""
    chains = {"n_steps": 6, "n_warmup": 10} if setup.startswith(("uniform", "paper")) else {}
    arguments = {**chains, **SETUPS[setup], **overrides}
    sampler = RiemannianUniformSampler.from_preset(model=TwoHalves(), **arguments)
    with warnings.catch_warnings():
        if setup == "paper":
            warnings.simplefilter("ignore", RiemannSamplerWarning)
        return sampler.fit(data() if x is None else x, labels)


@functools.cache
def shared(setup: str) -> RiemannianUniformSampler:
    """The same, fitted once for all tests that only draw from it."""
    return fitted(setup)


@functools.cache
def shared_double(setup: str) -> RiemannianUniformSampler:
    """One fitted on posteriors in double precision, likewise."""
    return fitted(setup, posterior(60))
