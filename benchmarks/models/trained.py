"""Trained models beside their data and the codes of these: what studies of a latent space begin with."""

import argparse
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from tqdm import tqdm

from riemann_sampler import GaussianPosterior, LatentModel, RiemannianUniformSampler
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.metric import Metric

from ..data.datasets import DATASETS, Split, load, possible_sizes, short_name
from ..samplers.registry import encode
from .recipes import cached

__all__ = ["MODEL", "Trained", "add_options", "fitted_metric", "trained", "trained_models"]

MODEL: Final = "BetaVAE"
"""The recipe of the models of `trained_models`."""

ANY_TEMPERATURE: Final = 1e-2
"""So low that islands are apart, which no warning is given of."""

LARGEST_N_TRAIN: Final = 10_000
"""Data that these are trained on at the most, as many as in the comparison of samplers."""


class Trained(NamedTuple):
    """A trained model and its data.

    Attributes:
        latent: Adapter of the model.
        split: Training data, and the part that is held out.
        posterior: Posteriors of the training data, in float64.
        heldout: Those of the held-out data.
    """

    latent: LatentModel
    split: Split
    posterior: GaussianPosterior
    heldout: GaussianPosterior


def trained(
    data: str,
    n_train: int | None,
    name: str,
    latent_dim: int,
    *,
    heldout: Literal["test", "validation"],
    n_steps: int,
    seed: int,
    folder: Path,
) -> Trained:
    """A model as `cached` keeps it, and what it makes of its data.

    Args:
        data: Name or path of the data set.
        n_train: Training data; None takes all.
        name: One of `RECIPES`.
        latent_dim: Dimension of the latent space.
        heldout: Part of the data that is held out.
        n_steps: Steps of the training.
        seed: Seed of the choice of training data and of the model.
        folder: Where trained models are kept.

    Returns:
        Model, data and codes.
    """
    split = load(data, heldout=heldout, n_train=n_train, seed=seed)
    label = f"{short_name(data)}-{len(split.train)}"
    model, _ = cached(folder, name, split.train, latent_dim, label=label, n_steps=n_steps, seed=seed)
    latent = as_latent_model(model)
    codes = [GaussianPosterior(*(part.double() for part in encode(latent, x))) for x in (split.train, split.heldout)]
    return Trained(latent, split, *codes)


def fitted_metric(posterior: GaussianPosterior, *, seed: int, n_centroids: int = 1_000) -> Metric:
    """The metric of a sampler, for studies that choose another temperature and draw no samples: none is tuned for."""
    sampler = RiemannianUniformSampler(n_centroids=n_centroids, temperature=ANY_TEMPERATURE, n_steps=1, n_warmup=1)
    return sampler.fit(posterior, seed=seed).metric_


def add_options(parser: argparse.ArgumentParser, quick: Mapping[str, Any]) -> None:
    """Options of a study of several trained models; ``--quick`` sets others as `trained_models` then finds them.

    Args:
        parser: Takes the options.
        quick: What ``--quick`` sets.
    """
    folder = Path("benchmark_output")
    add = parser.add_argument
    add("--data", nargs="+", default=["digits", "fashion"], help=f"{', '.join(DATASETS)}, or images as for compare")
    add("--dims", nargs="+", type=int, default=[2, 16], help="dimensions of the latent spaces (default: 2 16)")
    add("--seeds", type=int, default=3, help="how many, each with its own model (default: 3)")
    add("--steps", type=int, default=2_000, help="steps of each model's training (default: 2,000)")
    add(
        "--cache", type=Path, default=folder / "models", help=f"folder of trained models (default: {folder / 'models'})"
    )
    add("--output", type=Path, default=folder, help=f"folder for what is written (default: {folder})")
    add("--quick", action=_Quick, const=quick, nargs=0, help="too little of everything to judge by, in seconds")
    parser.set_defaults(quick=False)


class _Quick(argparse.Action):
    """Sets several options."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:  # noqa: ARG002
        """Set them."""
        vars(namespace).update({**self.const, "quick": True})


def trained_models(
    options: argparse.Namespace, name: str, *, heldout: Literal["test", "validation"]
) -> Iterator[tuple[dict[str, Any], Trained]]:
    """A model for every data set, dimension and seed of the options, with a progress bar.

    Args:
        options: As `add_options` adds them.
        name: Name of the study.
        heldout: Part of the data that is held out.

    Yields:
        Data set, dimension and seed by name, and the model.
    """
    jobs = list(itertools.product(options.data, options.dims, range(options.seeds)))
    for data, dim, seed in tqdm(jobs, desc=name, unit="model"):
        (size,) = possible_sizes(data, [LARGEST_N_TRAIN])
        settings = {"heldout": heldout, "n_steps": options.steps, "seed": seed, "folder": options.cache}
        yield {"data": data, "dim": dim, "seed": seed}, trained(data, size, MODEL, dim, **settings)
