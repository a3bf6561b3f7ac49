"""Encode and sample on many processes, into folders of shards.

What a shard holds depends on its number, never on who writes it: any number of processes writes the same files. A run
that was cut short, however it was, is called again and does what is missing.
"""

import hashlib
import io
import os
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save as tensors_to_bytes
from torch.utils.data import Dataset, IterableDataset, Subset

from ..adapters import as_latent_model
from ..compute import Communicator, derive_seed
from ..encoding import MEMORY_BUDGET, PosteriorStore, encode_data
from ..errors import ArgumentError, ArgumentTypeError, DataError, StorageError
from ..laws import CHAINS_PER_BLOCK
from ..protocols import GaussianPosterior, LatentModel
from ..sampler import RiemannianUniformSampler
from ..validation import natural
from .folder import Shards, probe, read_manifest

__all__ = ["encode_shards", "read_codes", "sample_shards"]

PROBE_SIZE = 16
"""Numbers in a manifest that tell one model, and its data, from another."""


def encode_shards(
    model: Any,
    data: Any,
    folder: str | os.PathLike[str],
    *,
    shard_size: int = 65_536,
    batch_size: int = 256,
    group: "dist.ProcessGroup | None" = None,
) -> None:
    """Encode data into a folder of shards, each of consecutive rows: ``codes-00000-of-00012.safetensors`` and on.

    Shards that are there are kept; what an interrupted call left behind is removed.

    Args:
        model: A trained model of any kind that `RiemannianUniformSampler` takes.
        data: A tensor, an array or another table with rows, or a Dataset with a length; the same on each process.
        folder: Made if missing. Processes on several machines need one that they share.
        shard_size: Rows in a shard.
        batch_size: Rows encoded at a time.
        group: The processes that share the work, each of which makes this call; None is this process alone.

    Raises:
        ArgumentTypeError: If rows cannot be taken out of the data.
        DataError: If the data are empty or not finite, or the model encodes them to what is not finite.
        StorageError: If the folder holds other codes, or a shard cannot be written.

    Example:
        >>> encode_shards(model, images, "my_codes", group=torch.distributed.group.WORLD)
    """
    latent, size, communicator = as_latent_model(model), natural("batch_size", batch_size), Communicator.of(group)
    shards = _code_shards(Path(folder), _n_rows(data), natural("shard_size", shard_size))

    def describe() -> dict[str, Any]:
        first, last = (_encode_rows(latent, data, range(row, row + 1), size).mean[0] for row in (0, shards.n_rows - 1))
        half = PROBE_SIZE // 2
        return {"latent_dim": len(first), "some_codes": [*probe(first, half), *probe(last, half)]}

    def content(index: int) -> bytes:
        posterior = _encode_rows(latent, data, shards.rows(index), size)
        return tensors_to_bytes({name: part.contiguous() for name, part in posterior._asdict().items()})

    shards.fill(describe, content, communicator)


def read_codes(folder: str | os.PathLike[str], *, memory_budget: int = MEMORY_BUDGET) -> GaussianPosterior:
    """The posteriors that `encode_shards` wrote, in the order of the data.

    Args:
        folder: Where they are.
        memory_budget: Bytes that may be held in memory; larger posteriors are kept in a memory-mapped file.

    Returns:
        The posteriors, on the CPU.

    Raises:
        StorageError: If the folder holds no codes, or not all of them.

    Example:
        >>> sampler = RiemannianUniformSampler().fit(read_codes("my_codes"))
    """
    manifest = read_manifest(Path(folder))
    if manifest["kind"] != "codes":
        msg = f"{folder} holds {manifest['kind']}, not codes; name a folder that encode_shards filled."
        raise StorageError(msg)
    shards = _code_shards(Path(folder), manifest["n_rows"], manifest["shard_size"])
    missing = shards.missing()
    if missing:
        msg = (
            f"{folder} is incomplete: {len(missing)} of {len(shards)} shards are missing or damaged, the first is "
            f"{shards.path(missing[0]).name}. Encode again into the same folder: what is there is kept."
        )
        raise StorageError(msg)
    with PosteriorStore(natural("memory_budget", memory_budget)) as store:
        for index in range(len(shards)):
            store.append(GaussianPosterior(**load_file(shards.path(index))))
        return store.posterior()


def sample_shards(
    sampler: RiemannianUniformSampler,
    n_samples: int,
    folder: str | os.PathLike[str],
    *,
    seed: int,
    label: Hashable | None = None,
    shard_size: int = 10 * CHAINS_PER_BLOCK,
    decode: bool = True,
    batch_size: int | None = None,
    group: "dist.ProcessGroup | None" = None,
) -> None:
    """Sample into a folder of float32 arrays, ``samples-00000-of-00010.npy`` and on, or ``latents-…`` undecoded.

    Shard i holds what ``sampler.sample`` gives for a seed that is derived from ``seed`` and i. Shards that are there
    are kept; what an interrupted call left behind is removed.

    Args:
        sampler: A fitted sampler; the same on each process.
        n_samples: How many, in all shards.
        folder: Made if missing. Processes on several machines need one that they share.
        seed: Seed of the draws.
        label: Class to draw from, after a fit with labels; None mixes the classes as the training data do.
        shard_size: Samples in a shard; multiples of 1,024 waste no chains.
        decode: Whether samples are decoded; otherwise latent positions are written, and no model is needed.
        batch_size: Samples decoded at a time; None takes the sampler's.
        group: The processes that share the work, each of which makes this call; None is this process alone.

    Raises:
        ArgumentError: If an argument cannot be used, or there is no model to decode with.
        NotFittedError: If the sampler is not fitted.
        StorageError: If the folder holds other samples, or a shard cannot be written.

    Example:
        >>> sample_shards(sampler, 1_000_000, "my_samples", seed=1, group=torch.distributed.group.WORLD)
    """
    communicator, model = Communicator.of(group), sampler.model if decode else None
    if decode and model is None:
        msg = "the sampler has no model, so latents cannot be decoded; pass decode=False, or load it with a model."
        raise ArgumentError(msg)
    seed, n_rows = natural("seed", seed, least=0), natural("n_samples", n_samples, least=0)
    stem, size = "samples" if decode else "latents", natural("shard_size", shard_size)
    shards = Shards(Path(folder), stem, ".npy", n_rows, size, lambda path: len(np.load(path, mmap_mode="r")))

    def describe() -> dict[str, Any]:
        sampler.sample_latents(0, label=label, seed=0)  # it raises what all the others would
        some = sampler.posterior_.mean[:1]
        return {
            "seed": seed,
            "label": label if isinstance(label, str | int | float | None) else repr(label),
            "sampler": _fingerprint(sampler),
            "some_values": probe(some if model is None else model.decode(some), PROBE_SIZE),
        }

    def content(index: int) -> bytes:
        n, derived = len(shards.rows(index)), derive_seed(seed, index)
        if model is None:
            samples = sampler.sample_latents(n, label=label, seed=derived).z
        else:
            samples = sampler.sample(n, label=label, seed=derived, batch_size=batch_size)
        file = io.BytesIO()
        np.save(file, samples.float().cpu().numpy(), allow_pickle=False)
        return file.getvalue()

    shards.fill(describe, content, communicator)


def _code_shards(folder: Path, n_rows: int, shard_size: int) -> Shards:
    def rows_in(path: Path) -> int:
        with safe_open(path, "pt") as file:
            return int(min(file.get_slice(name).get_shape()[0] for name in GaussianPosterior._fields))

    return Shards(folder, "codes", ".safetensors", n_rows, shard_size, rows_in)


def _n_rows(data: Any) -> int:
    """How many rows there are to take out of the data."""
    table = hasattr(data, "shape") and hasattr(data, "__getitem__")
    if not table and (
        not isinstance(data, Dataset) or isinstance(data, IterableDataset) or not hasattr(data, "__len__")
    ):
        msg = (
            "data must be a Tensor, an array or another table with rows, or a Dataset with a length, so that each "
            f"process can take its own rows; got {type(data).__name__}."
        )
        raise ArgumentTypeError(msg)
    n_rows = int(data.shape[0] if table else len(data))
    if n_rows == 0:
        msg = "data is empty: it has no rows."
        raise DataError(msg)
    return n_rows


def _encode_rows(model: LatentModel, data: Any, rows: range, batch_size: int) -> GaussianPosterior:
    """Posteriors of some rows, on the CPU; an error says which rows they were."""
    part = Subset(data, rows) if isinstance(data, Dataset) else data[rows.start : rows.stop]
    try:
        mean, log_variance = encode_data(model, part, batch_size)
    except DataError as error:
        msg = f"rows {rows.start} to {rows.stop - 1} of the data, counted from 0 among themselves: {error}"
        raise DataError(msg) from error
    bad = ~(torch.isfinite(mean) & torch.isfinite(log_variance)).all(1)
    if bad.any():
        msg = f"the model encodes row {rows.start + int(bad.nonzero()[0, 0])} of the data to NaN or infinity."
        raise DataError(msg)
    return GaussianPosterior(mean.detach().cpu(), log_variance.detach().cpu())


def _fingerprint(sampler: RiemannianUniformSampler) -> str:
    """A hash of what the draws depend on."""
    digest = hashlib.sha256(repr(sampler.settings).encode())
    metrics, diagnostics = _by_label(sampler.metric_), _by_label(sampler.diagnostics_)
    for label, metric in metrics.items():
        fit = diagnostics[label]
        numbers = (
            metric.temperature,
            metric.regularization,
            metric.decay,
            fit.n_codes,
            fit.step_size,
            fit.island_scale,
        )
        digest.update(repr((label, numbers)).encode())
        for tensor in (metric.centroids, metric.precisions):
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _by_label(fitted: Any) -> dict[Hashable, Any]:
    return fitted if isinstance(fitted, dict) else {None: fitted}
