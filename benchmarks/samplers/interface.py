"""What a sampler of the benchmarks is given, and what it must do."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Self

from riemann_sampler import GaussianPosterior, LatentModel

__all__ = ["LatentSampler", "Sampler", "Task"]


class Task(NamedTuple):
    """A trained model and its data.

    Attributes:
        model: The model, of its own library.
        latent: Its adapter.
        posterior: Posteriors of the training data.
        train: Training data.
        labels: Their classes.
        heldout: Held-out data, for the ceiling that reconstructs them: no other sampler may look.
    """

    model: Any
    latent: LatentModel
    posterior: GaussianPosterior
    train: Float[Tensor, "n ..."]
    labels: Int[np.ndarray, " n"]
    heldout: Float[Tensor, "n_heldout ..."]


class Sampler(Protocol):
    """What can be fitted to a task and generates data; the same seeds, the same data."""

    def fit(self, task: Task, seed: int) -> Self:
        """Fit to the training data, through the model."""
        ...

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n_samples ..."]:
        """Generate data, in random order."""
        ...


class LatentSampler(Protocol):
    """What can be fitted to posteriors and draws latent positions; the same seeds, the same draws."""

    def fit(self, posterior: GaussianPosterior, seed: int) -> Self:
        """Fit to the posteriors of the training data."""
        ...

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n_samples dim"]:
        """Draw latent positions, in random order."""
        ...
