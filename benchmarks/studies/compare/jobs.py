"""What a comparison runs: data set × training size × model × seed, each with its samplers."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from ...data.datasets import possible_sizes, short_name
from ...models.recipes import RECIPES
from ...samplers.registry import Entry

__all__ = ["Job", "Settings", "cell_path", "jobs"]


@dataclass(frozen=True)
class Settings:
    """What is the same in all cells.

    Attributes:
        heldout: Part of the data that scores compare with.
        n_samples: Data that each sampler generates.
        n_steps: Steps of each model's training.
        latent_dim: Dimension of the latent spaces.
        features: Names of the features.
        flow_epochs: Passes over the codes in which pythae's flows and second stages are trained.
        quick: Whether all this is too little for the figures to mean anything.
    """

    heldout: Literal["test", "validation"] = "test"
    n_samples: int = 10_000
    n_steps: int = 2_000
    latent_dim: int = 16
    features: tuple[str, ...] = ("classifier",)
    flow_epochs: int = 100
    quick: bool = False


class Job(NamedTuple):
    """The cells of one trained model.

    Attributes:
        data: Name or path of the data set.
        n_train: Training data; None takes all.
        model: Name of a recipe, or of a function ``module:function`` that returns a trained model.
        seed: Seed of the choice of training data, the model and its samplers.
        samplers: Names of the samplers.
    """

    data: str
    n_train: int | None
    model: str
    seed: int
    samplers: tuple[str, ...]


def jobs(
    data: Sequence[str],
    sizes: Sequence[int | None],
    models: Sequence[str],
    seeds: Sequence[int],
    samplers: Mapping[str, Entry],
) -> list[Job]:
    """Every combination, seeds outermost, with the samplers that suit its model; a size beyond a data set takes all."""
    possible = {name: possible_sizes(name, sizes) for name in data}
    suited = {model: _suited(samplers, model) for model in models}
    return [
        Job(name, size, model, seed, suited[model])
        for seed, name in itertools.product(seeds, data)
        for size, model in itertools.product(possible[name], models)
    ]


def _suited(samplers: Mapping[str, Entry], model: str) -> tuple[str, ...]:
    if model in RECIPES:
        return tuple(name for name, entry in samplers.items() if entry.models is None or model in entry.models)
    return tuple(name for name, entry in samplers.items() if entry.kind != "native")


def cell_path(folder: Path, job: Job, n_train: int, sampler: str) -> Path:
    """Where a cell's figures are."""
    model, name = (re.sub(r"[^a-z0-9.]+", "-", text, flags=re.IGNORECASE).strip("-") for text in (job.model, sampler))
    return folder / short_name(job.data) / str(n_train) / model / f"seed{job.seed}" / f"{name.lower()}.json"
