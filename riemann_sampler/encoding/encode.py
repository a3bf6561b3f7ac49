"""From data of any of the usual kinds, through a model, to checked posteriors."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ..compute import progress_bar
from ..errors import ArgumentError, ArgumentTypeError, DataError
from ..protocols import GaussianPosterior, HasPseudoInputs, LatentModel, LearnsNoiseVariance
from .checks import check_posterior
from .posterior_store import PosteriorStore

__all__ = ["encode_data", "pseudo_input_posterior", "with_learnt_noise"]


def _batches(data: Any, batch_size: int, purpose: str) -> Iterator[Any]:
    if isinstance(data, Mapping):
        data = _inputs(data)
    if isinstance(data, Dataset) and not isinstance(data, DataLoader):
        data = DataLoader(data, batch_size=batch_size)
    if isinstance(data, DataLoader):
        yield from map(_inputs, progress_bar(data, desc=purpose, unit="batch"))
        return
    if isinstance(data, np.ndarray):
        data = _as_tensor(data)
    if not hasattr(data, "shape") or not hasattr(data, "__getitem__"):
        msg = (
            "data must be a Tensor, an array or another table with rows (such as AnnData or a sparse matrix), a "
            f"Dataset, a DataLoader or a GaussianPosterior, got {type(data).__name__}."
        )
        raise ArgumentTypeError(msg)
    if not data.shape or data.shape[0] == 0:
        msg = f"data is empty: its shape is {tuple(data.shape)}."
        raise DataError(msg)
    for start in progress_bar(range(0, data.shape[0], batch_size), desc=purpose, unit="batch"):
        rows = getattr(data, "iloc", data)[start : start + batch_size]  # of a DataFrame by position, whatever its index
        yield _as_tensor(rows) if isinstance(rows, np.ndarray) else rows


def _as_tensor(array: Shaped[np.ndarray, "..."]) -> Tensor:
    if array.dtype.kind not in "fiub":
        msg = f"data must be an array of numbers, got dtype {array.dtype}; convert it first, such as to float32."
        raise ArgumentTypeError(msg)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _inputs(batch: Any) -> Any:
    """The data of one batch: itself, the entry "data" of a mapping, or the first entry of a tuple."""
    if isinstance(batch, Mapping):
        if "data" not in batch:
            msg = f"batches that are mappings need an entry 'data'; this one has {sorted(map(str, batch))}."
            raise DataError(msg)
        return batch["data"]
    return batch[0] if isinstance(batch, Sequence) else batch


def _finite_batches(data: Any, batch_size: int, purpose: str) -> Iterator[Any]:
    """The same; a `DataError` at the first row that is not finite, or if there is no batch."""
    n = 0
    for x in _batches(data, batch_size, purpose):
        if isinstance(x, Tensor) and not torch.isfinite(x).all():
            bad = ~torch.isfinite(x.flatten(1) if x.ndim > 1 else x[:, None]).all(1)
            msg = f"data must be finite, but row {n + int(bad.nonzero()[0, 0])} holds NaN or infinity."
            raise DataError(msg)
        yield x
        n += _n_rows(x)
    if n == 0:
        msg = "data is empty: it gave no batch."
        raise DataError(msg)


def _n_rows(batch: Any) -> int:
    return batch.shape[0] if hasattr(batch, "shape") else len(batch)


def encode_data(
    model: LatentModel | None, data: Any, batch_size: int, store: PosteriorStore | None = None
) -> GaussianPosterior:
    """Posteriors of all data, in the order given; a ``GaussianPosterior`` is passed through.

    They are collected in the store, which says where they are kept. Without a model this is an `ArgumentError`; empty
    data, data that are not finite, and posteriors that do not fit together are a `DataError`.
    """
    if isinstance(data, GaussianPosterior):
        return data
    if model is None:
        msg = "model is None, so data cannot be encoded; pass a model, or fit on a GaussianPosterior."
        raise ArgumentError(msg)
    store = store or PosteriorStore()
    # A DataLoader draws its base seed from the global random state, which is put back however encoding ends.
    with torch.random.fork_rng(devices=[]):
        for x in _finite_batches(data, batch_size, "encode"):
            mean, log_variance = model.encode(x)
            n_rows = _n_rows(x)
            if mean.ndim != 2 or mean.shape != log_variance.shape or len(mean) != n_rows:
                shapes = f"{tuple(mean.shape)} and {tuple(log_variance.shape)}"
                msg = f"encode must return a mean and a log-variance of shape ({n_rows}, dim), got {shapes}."
                raise DataError(msg)
            store.append(GaussianPosterior(mean, log_variance))
    return store.posterior()


def with_learnt_noise(model: LatentModel | None, data: Any, batch_size: int) -> LatentModel | None:
    """The model with the noise variance of the data, if it is one that learns it; otherwise the model itself.

    It goes through the data once more. Errors as `encode_data`.
    """
    if not isinstance(model, LearnsNoiseVariance) or isinstance(data, GaussianPosterior):
        return model
    with torch.random.fork_rng(devices=[]):
        return model.with_noise_of(_finite_batches(data, batch_size, "reconstruct"))


def pseudo_input_posterior(model: LatentModel | None) -> GaussianPosterior:
    """Posteriors of the pseudo-inputs that a model has learnt; an `ArgumentError` if it has none."""
    posterior = model.pseudo_inputs() if isinstance(model, HasPseudoInputs) else None
    if posterior is None:
        msg = (
            "centroids='pseudo_inputs' needs a model that has learnt pseudo-inputs, such as pythae's VAMP; this one "
            "has none: use centroids='data'."
        )
        raise ArgumentError(msg)
    check_posterior(posterior, name="pseudo-inputs")
    return posterior
