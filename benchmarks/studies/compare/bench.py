"""A trained model with its data, on which one sampler after the other is scored."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import PCA
from torch import Tensor
from typing_extensions import Self

from riemann_sampler.adapters import as_latent_model, load_model
from riemann_sampler.encoding import summarize
from riemann_sampler.errors import DataError

from ...data.datasets import Split, short_name
from ...data.features import FeatureMap, feature_maps
from ...harness.provenance import PeakMemory
from ...models.recipes import RECIPES, cached
from ...reporting.images import write_mosaic
from ...samplers.registry import Task, decode, encode
from ...scores import Reference
from .jobs import Job, Settings

__all__ = ["Bench"]

N_MAP, N_PICTURE = 300, 64
"""Generated data whose codes are kept, and images in the picture of a cell."""


@dataclass(frozen=True)
class Bench:
    """A trained model, its data and what scores need, ready for one sampler after the other."""

    task: Task
    split: Split
    maps: Mapping[str, FeatureMap]
    references: Mapping[str, Reference]
    encode_seconds: float
    config: Mapping[str, Any]
    settings: Settings
    seed: int
    axes: PCA

    @classmethod
    def make(cls, job: Job, split: Split, settings: Settings, folder: Path) -> Self:
        """Train the model of a job, or read it, and encode its data.

        Args:
            job: The job.
            split: Its data.
            settings: What is the same in all cells.
            folder: Where trained models are kept.

        Returns:
            The bench.

        Raises:
            DataError: The model decodes to data of another shape than those given.
        """
        label = f"{short_name(job.data)}-{len(split.train)}"
        model, of_training = _model(job, split, settings, folder, label)
        latent = as_latent_model(model)
        start = time.perf_counter()
        posterior = encode(latent, split.train)
        seconds = time.perf_counter() - start
        task = Task(model, latent, posterior, split.train, split.train_labels, split.heldout)
        maps = feature_maps(job.data, settings.features, heldout=settings.heldout, folder=folder)
        references = {name: _reference(feature_map, split) for name, feature_map in maps.items()}
        reconstructions = decode(latent, encode(latent, split.heldout).mean)
        if reconstructions.shape != split.heldout.shape:
            shapes = f"{tuple(split.heldout.shape[1:])}, but is decoded to {tuple(reconstructions.shape[1:])}"
            msg = f"{job.data} has data of shape {shapes} by {job.model}: name the data of this model with --data."
            raise DataError(msg)
        config = {
            "n_samples": settings.n_samples,
            "features": settings.features,
            "flow_epochs": settings.flow_epochs,
            "quick": settings.quick,
            "n_heldout": len(split.heldout),
            "latent_dim": latent.latent_dim,
            "active_units": int(summarize(posterior).active.sum()),
            "heldout_mse": float((reconstructions - split.heldout).square().mean()),
            **of_training,
        }
        axes = PCA(2, random_state=0).fit(posterior.mean.double().numpy())
        return cls(task, split, maps, references, seconds, config, settings, job.seed, axes)

    def measure(self, make: Callable[[], Any], path: Path, folder: Path) -> dict[str, Any]:
        """Everything that is found out about a sampler; its failure is a finding too."""
        found: dict[str, Any] = {
            "features": {
                name: {"name": each.name, "heldout_accuracy": each.heldout_accuracy} for name, each in self.maps.items()
            },
            "scores": None,
            "seconds": {"fit": None, "sample": None},
            "peak_memory_mib": None,
            "error": None,
            "warnings": [],
            "map": [],
            "picture": None,
        }
        memory = PeakMemory()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            start = time.perf_counter()
            try:
                sampler = make().fit(self.task, self.seed)
                fitted = time.perf_counter()
                data = sampler.sample(self.settings.n_samples, self.seed).detach()
                done = time.perf_counter()
                peak = memory.growth_mib()
                scores = {name: self._score(name, data) for name in self.maps}
                codes = self._map(data[:N_MAP])
            except Exception as error:
                return {**found, "error": f"{type(error).__name__}: {error}"}
        found |= {"scores": scores, "map": codes, "peak_memory_mib": peak}
        found["warnings"] = sorted({warning.category.__name__ for warning in caught})
        found["seconds"] = {"fit": self.encode_seconds + fitted - start, "sample": done - fitted}
        if self.split.is_images:
            picture = path.with_suffix(".png")
            write_mosaic(data[:N_PICTURE], picture)
            found["picture"] = str(picture.relative_to(folder))
        return found

    def _score(self, name: str, data: Float[Tensor, "n ..."]) -> dict[str, float]:
        each = self.maps[name]
        return self.references[name].score(each.extract(data), each.classify(data) if each.classify else None)

    def _map(self, data: Float[Tensor, "n ..."]) -> list[list[float]]:
        """Codes of the data on the two main axes of the training codes."""
        codes = self.task.latent.encode(data).mean.double().numpy()
        return np.round(self.axes.transform(codes), 3).tolist()


def _model(job: Job, split: Split, settings: Settings, folder: Path, label: str) -> tuple[Any, dict[str, Any]]:
    """The model, and what is known of its training: of a model of a user's own, nothing."""
    if job.model not in RECIPES:
        return load_model(job.model, torch.device("cpu")), {}
    arguments = {"label": label, "n_steps": settings.n_steps, "seed": job.seed}
    model, file = cached(folder, job.model, split.train, settings.latent_dim, **arguments)
    return model, {"n_steps": settings.n_steps, "model_file": file}


def _reference(each: FeatureMap, split: Split) -> Reference:
    classes, n_classes = (each.classify(split.heldout), split.n_classes) if each.classify else (None, None)
    return Reference(each.extract(split.train), each.extract(split.heldout), classes, n_classes)
