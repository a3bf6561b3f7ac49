"""How long curves take: ours in one batch, and those of stochman's solver for the line element of our interpolations.

stochman minimises the energy of a cubic spline of few knots by 150 steps of gradient descent through autograd. It is
given V² times the unit matrix, as a diagonal and as matrices, with V the factor of `interpolate`, relative to that at
the ends: its own stopping rule depends on the scale. What fails has a row that says how.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from riemann_sampler.geometry import ConformalMetric, InverseMetric, geodesic, interpolate, widen
from riemann_sampler.metric import Metric

from ...data.synthetic import synthetic_posterior
from ...models.trained import fitted_metric
from .measures import log_length

__all__ = ["conformal_diagonal", "measure"]

DIM: Final = 16
N_CODES, N_PAIRS, N_CENTROIDS = 8_000, 200, 1_000
QUICK_N_CODES, QUICK_N_PAIRS, QUICK_N_CENTROIDS = 300, 4, 30
N_POINTS: Final = 64

Codes = Float[Tensor, "n dim"]
Paths = Float[Tensor, "n n_points dim"]
Solver = Callable[[Metric, Codes, Codes], tuple[Paths, str]]


def conformal_diagonal(metric: Metric, log_unit: float) -> Callable[[Codes], Float[Tensor, "n dim"]]:
    """The diagonals of e^{−2 log_unit} V² I as a user of stochman would write them, differentiable by autograd.

    V = (det G)^{−exponent/2} is that of `interpolate`, of a metric with diagonal precisions.
    """
    centroids, precisions = metric.centroids, metric.precisions
    slopes, constants = (precisions * centroids).T, (precisions * centroids.square()).sum(1)
    exponent = ConformalMetric(metric).exponent

    def evaluate(z: Codes) -> Float[Tensor, "n dim"]:
        squares = z.square() @ precisions.T - 2 * z @ slopes + constants
        floor = metric.regularization * (-metric.decay * z.square().sum(1, keepdim=True)).exp()
        diagonal = (-squares / metric.temperature**2).exp() @ precisions + floor
        return (-exponent * diagonal.log().sum(1, keepdim=True) - 2 * log_unit).exp().expand_as(z)

    return evaluate


def _interpolations(metric: Metric, a: Codes, b: Codes) -> tuple[Paths, str]:
    found = interpolate(metric, a, b, n_points=N_POINTS)
    return found.points, _share(found.converged)


def _inverse(metric: Metric, a: Codes, b: Codes) -> tuple[Paths, str]:
    found = geodesic(InverseMetric(metric), a, b, n_points=N_POINTS)
    return found.points, f"{_share(found.converged)}; shortest by G⁻¹"


def _share(converged: Tensor) -> str:
    return f"{converged.double().mean():.0%} converged"


def _stochman(metric: Metric, a: Codes, b: Codes, *, dense: bool = False) -> tuple[Paths, str]:
    from stochman.manifold import Manifold

    element = ConformalMetric(metric)
    log_unit = -element.exponent * metric.log_volume(torch.cat([a, b])).mean()
    evaluate = conformal_diagonal(metric, float(log_unit))

    class Latent(Manifold):  # type: ignore[misc] # stochman has no types
        def metric(self, points: Tensor) -> Tensor:
            """V² I at these positions."""
            return torch.diag_embed(evaluate(points)) if dense else evaluate(points)

    curve, success = Latent().connecting_geodesic(a, b)
    with torch.no_grad():
        points = curve(torch.linspace(0, 1, N_POINTS, dtype=a.dtype))
    return points, "converged" if success else "150 steps, not converged"


def _stochman_dense(metric: Metric, a: Codes, b: Codes) -> tuple[Paths, str]:
    return _stochman(metric, a, b, dense=True)


SOLVERS: Final[dict[str, Solver]] = {
    "ours: interpolate": _interpolations,
    "ours: geodesic of G⁻¹": _inverse,
    "stochman, diagonal": _stochman,
    "stochman, dense": _stochman_dense,
}
"""What is timed, by name; the first is what the others are compared with."""


def _row(name: str, solver: Solver, metric: Metric, a: Codes, b: Codes) -> dict[str, Any]:
    """Seconds, and log lengths of the curves by the line element of our interpolations."""
    start = time.perf_counter()
    try:
        points, note = solver(metric, a, b)
    except ModuleNotFoundError as error:
        note = f"{str(error.name).partition('.')[0]} is not installed"
        return {"name": name, "seconds": None, "log_length": None, "note": note}
    except Exception as error:  # the row tells what failed, and the next one is tried
        note = f"failed: {type(error).__name__}: {error}".replace("\n", " ")
        return {"name": name, "seconds": None, "log_length": None, "note": note}
    seconds = time.perf_counter() - start
    length = log_length(ConformalMetric(metric), points).mean()
    return {"name": name, "seconds": seconds, "log_length": float(length), "note": note}


def measure(quick: bool) -> dict[str, Any]:
    """A row for each solver, on curves between random codes of a synthetic posterior."""
    sizes = (QUICK_N_CODES, QUICK_N_PAIRS, QUICK_N_CENTROIDS) if quick else (N_CODES, N_PAIRS, N_CENTROIDS)
    n_codes, n_pairs, n_centroids = sizes
    posterior = synthetic_posterior(n_codes, DIM)
    metric = widen(fitted_metric(posterior, seed=0, n_centroids=n_centroids))
    a, b = (codes.double() for codes in posterior.mean[: 2 * n_pairs].chunk(2))
    figures = {"n_pairs": n_pairs, "n_centroids": n_centroids, "dim": DIM, "stochman": None}
    with suppress(PackageNotFoundError):
        figures["stochman"] = version("stochman")
    return {**figures, "rows": [_row(name, solver, metric, a, b) for name, solver in SOLVERS.items()]}
