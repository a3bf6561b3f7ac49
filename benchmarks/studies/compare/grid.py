"""The grid of benchmarks: data set × training size × model × seed × sampler, one JSON file a cell.

A cell that is there is not run again unless it was asked for otherwise, so that an interrupted run goes on where it
stopped. Cells of one model are run together, after it was trained once and kept.
"""

import itertools
import json
import multiprocessing
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from jaxtyping import Float
from sklearn.decomposition import PCA
from torch import Tensor
from tqdm import tqdm

from riemann_sampler.adapters import as_latent_model, load_model

from ...data.datasets import Split, load, possible_sizes, short_name
from ...data.features import FeatureMap, feature_maps
from ...harness.provenance import PeakMemory, environment, write_json
from ...models.recipes import RECIPES, active_units, cached
from ...reporting.images import write_mosaic
from ...samplers.registry import Entry, Task, decode, encode
from ...scores import Reference

__all__ = ["Job", "Settings", "cell_path", "jobs", "run"]

N_MAP, N_PICTURE = 300, 64
"""Generated data whose codes are kept, and images in the picture of a cell."""


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
    """

    heldout: Literal["test", "validation"] = "test"
    n_samples: int = 10_000
    n_steps: int = 2_000
    latent_dim: int = 16
    features: tuple[str, ...] = ("classifier",)
    flow_epochs: int = 100


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


def run(
    todo: Sequence[Job],
    samplers: Mapping[str, Entry],
    settings: Settings,
    *,
    folder: Path,
    models: Path,
    n_workers: int,
) -> None:
    """Run the cells of all jobs that are not there yet, with a progress bar over the cells.

    Args:
        todo: The jobs.
        samplers: Samplers by name; what makes them must be picklable for more than one worker.
        settings: What is the same in all cells.
        folder: Where the cells go.
        models: Where trained models are kept.
        n_workers: Processes, one thread each; with one everything is done here, with the threads there are.
    """
    total = sum(len(job.samplers) for job in todo)
    with tqdm(total=total, desc="cells", unit="cell") as bar:
        if n_workers == 1:
            for job in todo:
                for _ in run_job(job, samplers, settings, folder, models):
                    bar.update()
            return
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(n_workers, mp_context=context, initializer=torch.set_num_threads, initargs=(1,))
        # bars of several processes would be drawn over one another
        with patch.dict(os.environ, {"TQDM_DISABLE": "1"}), context.Manager() as manager, pool:
            counter = manager.Value("i", 0)
            pending = {pool.submit(_count, counter, job, samplers, settings, folder, models) for job in todo}
            while pending:
                done, pending = wait(pending, timeout=1)
                for future in done:
                    future.result()
                bar.update(counter.value - bar.n)


def _count(counter: Any, *arguments: Any) -> None:
    for _ in run_job(*arguments):
        counter.value += 1


def run_job(job: Job, samplers: Mapping[str, Entry], settings: Settings, folder: Path, models: Path) -> Iterator[Path]:
    """Run the cells of one job that are not there yet; gives each cell's file when it is there."""
    split = load(job.data, heldout=settings.heldout, n_train=job.n_train, seed=job.seed)
    paths = {name: cell_path(folder, job, len(split.train), name) for name in job.samplers}
    missing = [name for name, path in paths.items() if not _is_there(path, settings)]
    yield from (path for name, path in paths.items() if name not in missing)
    if not missing:
        return
    bench = _Bench.make(job, split, settings, models)
    for name in missing:
        entry = samplers[name]
        figures = {
            "cell": {
                "dataset": short_name(job.data),
                "n_train": len(split.train),
                "heldout": settings.heldout,
                "model": job.model,
                "sampler": name,
                "seed": job.seed,
            },
            "kind": entry.kind,
            "config": {**asdict(settings), **bench.facts},
            "environment": {**environment("pythae"), "threads": torch.get_num_threads()},
        }
        write_json(paths[name], {**figures, **bench.measure(entry.make, paths[name], folder)})
        yield paths[name]


def _is_there(path: Path, settings: Settings) -> bool:
    """Whether a cell was run with these settings."""
    if not path.exists():
        return False
    config = json.loads(path.read_text())["config"]
    asked = json.loads(json.dumps(asdict(settings)))
    return all(config.get(key) == value for key, value in asked.items())


@dataclass(frozen=True)
class _Bench:
    """A trained model, its data and what scores need, ready for one sampler after the other."""

    task: Task
    split: Split
    maps: Mapping[str, FeatureMap]
    references: Mapping[str, Reference]
    encode_seconds: float
    facts: Mapping[str, Any]
    settings: Settings
    seed: int
    axes: PCA

    @classmethod
    def make(cls, job: Job, split: Split, settings: Settings, folder: Path) -> "_Bench":
        label = f"{short_name(job.data)}-{len(split.train)}"
        model, file = _model(job, split, settings, folder, label)
        latent = as_latent_model(model)
        start = time.perf_counter()
        posterior = encode(latent, split.train)
        seconds = time.perf_counter() - start
        task = Task(model, latent, posterior, split.train, split.train_labels, split.heldout)
        maps = feature_maps(job.data, settings.features, heldout=settings.heldout, folder=folder)
        references = {name: _reference(feature_map, split) for name, feature_map in maps.items()}
        error = decode(latent, encode(latent, split.heldout).mean) - split.heldout
        facts = {
            "n_heldout": len(split.heldout),
            "active_units": active_units(*posterior),
            "heldout_mse": float(error.square().mean()),
            "model_file": file,
        }
        axes = PCA(2, random_state=0).fit(posterior.mean.double().numpy())
        return cls(task, split, maps, references, seconds, facts, settings, job.seed, axes)

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
                data = sampler.sample(self.settings.n_samples, self.seed)
                done = time.perf_counter()
                found["peak_memory_mib"] = memory.growth_mib()
                found["scores"] = {name: self._score(name, data) for name in self.maps}
            except Exception as error:
                return {**found, "error": f"{type(error).__name__}: {error}"}
        found["warnings"] = sorted({warning.category.__name__ for warning in caught})
        found["seconds"] = {"fit": self.encode_seconds + fitted - start, "sample": done - fitted}
        found["map"] = self._map(data[:N_MAP])
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


def _model(job: Job, split: Split, settings: Settings, folder: Path, label: str) -> tuple[Any, str | None]:
    if job.model in RECIPES:
        arguments = {"label": label, "n_steps": settings.n_steps, "seed": job.seed}
        return cached(folder, job.model, split.train, settings.latent_dim, **arguments)
    return load_model(job.model, torch.device("cpu")), None


def _reference(each: FeatureMap, split: Split) -> Reference:
    classes, n_classes = (each.classify(split.heldout), split.n_classes) if each.classify else (None, None)
    return Reference(each.extract(split.train), each.extract(split.heldout), classes, n_classes)
