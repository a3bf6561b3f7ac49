"""One trained model: codes joined in every way, and what comes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from typing_extensions import Self

from riemann_sampler.errors import ArgumentError
from riemann_sampler.geometry import ConformalMetric, widen
from riemann_sampler.metric import Metric

from ...data.features import FeatureMap
from ...models.trained import Trained, fitted_metric
from ...scores.distances import as_points
from .measures import Judge
from .methods import METHODS, STRAIGHT, Joined, Method

__all__ = ["ENDS", "Bench", "pairs"]

ENDS = "the decoded ends alone"
"""Name of the row that no path can be asked to be better than."""

Codes = Float[Tensor, "n dim"]


def pairs(codes: Codes, n: int, seed: int) -> tuple[Codes, Codes]:
    """So many pairs of codes, none of which is in two pairs.

    Args:
        codes: Codes to choose from.
        n: Number of pairs.
        seed: Seed of the choice.

    Returns:
        The first and the second of each pair.

    Raises:
        ArgumentError: If there are too few codes.
    """
    if 2 * n > len(codes):
        msg = f"--pairs must be at most {len(codes) // 2}, for there are {len(codes):,} held-out codes; got {n}."
        raise ArgumentError(msg)
    rows = torch.randperm(len(codes), generator=torch.Generator().manual_seed(seed))[: 2 * n]
    return codes[rows[:n]], codes[rows[n:]]


@dataclass(frozen=True)
class Bench:
    """A trained model with its metric, pairs of held-out codes, and their judge.

    Attributes:
        metric: As a sampler fits it, whatever its temperature.
        a: One code of each pair.
        b: The other.
        judge: What decoded paths are judged by.
    """

    metric: Metric
    a: Codes
    b: Codes
    judge: Judge

    @classmethod
    def of(cls, trained: Trained, feature_map: FeatureMap, n_pairs: int, seed: int) -> Self:
        """The bench of a trained model.

        Args:
            trained: Model, data and codes.
            feature_map: Features of the data.
            n_pairs: Pairs of held-out codes.
            seed: Seed of the fit and of the choice of pairs.

        Returns:
            The bench.
        """
        metric = fitted_metric(trained.posterior, seed=seed)
        train = as_points(feature_map.extract(trained.split.train))
        judge = Judge(trained.latent, feature_map, train, ConformalMetric(widen(metric)))
        return cls(metric, *pairs(trained.heldout.mean, n_pairs, seed), judge)

    @property
    def path_metric(self) -> Metric:
        """The metric at the temperature of paths."""
        return self.judge.element.metric

    def join(self, method: Method, n_points: int, *, n_pairs: int | None = None) -> Joined:
        """The paths of a method between the first pairs, or all of them."""
        return method(self.metric, self.a[:n_pairs], self.b[:n_pairs], n_points)

    def rows(self, methods: Mapping[str, Method], n_points: int) -> list[dict[str, Any]]:
        """A row of figures for each method, and one for the ends alone."""
        straight = self.join(METHODS[STRAIGHT], n_points).points
        found = [{"path": ENDS, **self.judge.ends(straight)}]
        for name, method in methods.items():
            start = time.perf_counter()
            joined = self.join(method, n_points)
            seconds = time.perf_counter() - start
            searched = {} if joined.converged is None else {"converged": float(joined.converged.double().mean())}
            ratio = self.judge.cost_ratio(joined.points, straight)
            figures = self.judge.measure(joined.points)
            found.append({"path": name, **figures, "cost_ratio": ratio, **searched, "seconds": seconds})
        return found
