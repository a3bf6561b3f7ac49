"""Every sampler of the benchmarks behind one interface, by the name that tables give it.

Another one takes a class that is a `Sampler`, or a `LatentSampler` in `Decoded`, and a line in `SAMPLERS`.
"""

from collections.abc import Callable
from functools import partial
from typing import Final, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from typing_extensions import Self

from riemann_sampler import GaussianPosterior, LatentModel
from riemann_sampler.settings import PRESETS

from .baselines import AggregatePosterior, FittedMixture, NoisyMean, Preset, PublishedDynamics, StandardNormal
from .interface import LatentSampler, Sampler, Task
from .native import Native

__all__ = [
    "SAMPLERS",
    "Decoded",
    "Entry",
    "LatentSampler",
    "RealTrain",
    "Reconstructions",
    "Sampler",
    "Task",
    "decode",
    "encode",
    "preset",
    "samplers",
]

BATCH = 500
"""Data encoded, and latent positions decoded, at a time."""


class Decoded:
    """A sampler of latent positions, and the decoder after it.

    Args:
        sampler: The sampler, unfitted.
    """

    def __init__(self, sampler: LatentSampler) -> None:
        self._sampler = sampler

    def fit(self, task: Task, seed: int) -> Self:
        """Fit to the posteriors of the training data."""
        self._latent = task.latent
        self._sampler.fit(task.posterior, seed)
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n_samples ..."]:
        """Draw and decode."""
        return decode(self._latent, self._sampler.sample(n_samples, seed))


class RealTrain:
    """The training data themselves: no generator comes closer to them."""

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002 - nothing is random here
        """Keep the data."""
        self._data = task.train
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n_samples ..."]:
        """Draw data, none again before all have been drawn."""
        return self._data[_rounds(len(self._data), n_samples, seed)]


class Reconstructions:
    """Held-out data through the model: no sampler of its latent space can be asked for better."""

    def fit(self, task: Task, seed: int) -> Self:  # noqa: ARG002 - nothing is random here
        """Encode the held-out data."""
        self._latent = task.latent
        self._codes = encode(task.latent, task.heldout).mean
        return self

    def sample(self, n_samples: int, seed: int) -> Float[Tensor, "n_samples ..."]:
        """Decode the means, none again before all have been decoded."""
        return decode(self._latent, self._codes[_rounds(len(self._codes), n_samples, seed)])


def encode(model: LatentModel, data: Float[Tensor, "n ..."]) -> GaussianPosterior:
    """Posteriors of data, in batches."""
    parts = [model.encode(part) for part in data.split(BATCH)]
    return GaussianPosterior(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


def decode(model: LatentModel, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n ..."]:
    """What latent positions decode to, in batches."""
    return torch.cat([model.decode(part) for part in z.split(BATCH)])


def _rounds(n_rows: int, n_samples: int, seed: int) -> Int[Tensor, " n_samples"]:
    """Rows in random order, round after round, each with all of them."""
    generator = torch.Generator().manual_seed(seed)
    n_rounds = -(-n_samples // n_rows)
    return torch.cat([torch.randperm(n_rows, generator=generator) for _ in range(n_rounds)])[:n_samples]


class Entry(NamedTuple):
    """A sampler of the registry.

    Attributes:
        make: Makes it, unfitted.
        kind: Where it comes from: a bound on what a sampler can reach, a baseline, the model's library, the user, or
            here.
        models: Classes of pythae that it is for; None is for all.
    """

    make: Callable[[], Sampler]
    kind: Literal["ceiling", "baseline", "native", "own", "ours"]
    models: tuple[str, ...] | None = None


def samplers(flow_epochs: int = 100) -> dict[str, Entry]:
    """Each sampler by its name.

    Args:
        flow_epochs: Passes over the codes in which pythae trains flows and second stages; its own default is 100.

    Returns:
        The registry; what makes a sampler can be pickled.
    """
    return {
        "real train": Entry(RealTrain, "ceiling"),
        "reconstructions": Entry(Reconstructions, "ceiling"),
        "N(0, I)": _latent("baseline", StandardNormal),
        "GMM-10": _latent("baseline", partial(FittedMixture, 10)),
        "GMM-100": _latent("baseline", partial(FittedMixture, 100)),
        "aggregate posterior": _latent("baseline", AggregatePosterior),
        "mean + 0.5 N(0, I)": _latent("baseline", partial(NoisyMean, 0.5)),
        "published dynamics": _latent("baseline", PublishedDynamics),
        "pythae: Normal": _native("Normal"),
        "pythae: GaussianMixture": _native("GaussianMixture"),
        "pythae: MAF": _native("MAF", n_epochs=flow_epochs),
        "pythae: IAF": _native("IAF", n_epochs=flow_epochs),
        "pythae: TwoStageVAE": _native("TwoStageVAE", n_epochs=flow_epochs),
        "pythae: VAMP": _native("VAMP", models=("VAMP",)),
        "pythae: RHVAE": _native("RHVAE", models=("RHVAE",)),
        **{f"ours: {name}": preset(name) for name in PRESETS},
    }


def preset(name: str, **overrides: object) -> Entry:
    """A preset of `RiemannianUniformSampler`, some of its arguments replaced."""
    return _latent("ours", partial(Preset, name, **overrides))


def _latent(kind: Literal["baseline", "ours"], make: Callable[[], LatentSampler]) -> Entry:
    return Entry(partial(_decoded, make), kind)


def _decoded(make: Callable[[], LatentSampler]) -> Decoded:
    return Decoded(make())


def _native(name: str, *, models: tuple[str, ...] | None = None, **arguments: object) -> Entry:
    return Entry(partial(Native, f"{name}Sampler", **arguments), "native", models)


SAMPLERS: Final = samplers()
