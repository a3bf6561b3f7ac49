"""Encode batches where other libraries hand them out: ``datasets.Dataset.map`` and Ray Data's ``map_batches``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Shaped

from ..adapters import as_latent_model, load_model
from ..encoding import encode_data
from ..errors import DataError
from ..protocols import GaussianPosterior, LatentModel

__all__ = ["BatchEncoder"]


class BatchEncoder:
    """Encodes batches that are mappings of columns; it can be pickled, and so sent to other processes.

    Called with a batch it returns the batch with two more columns, ``"mean"`` and ``"log_variance"``, float32 arrays of
    shape (n, dim). Together they make the `GaussianPosterior` that a sampler is fitted on.

    Args:
        model: A trained model of any kind that `RiemannianUniformSampler` takes; or, for one that cannot be pickled or
            is large, ``module:function`` or a folder as `load_model` takes them: then each process makes its own.
        column: The column that holds the data.
        device: Where a model goes that each process makes; others stay where they are.

    Raises:
        UnsupportedModelError: If the model has no Gaussian posterior or is of an unknown type.

    Example:
        >>> codes = dataset.map(BatchEncoder(model, column="image"), batched=True)
    """

    def __init__(self, model: Any, *, column: str = "data", device: torch.device | str = "cpu") -> None:
        self._model = model
        self._column = column
        self._device = torch.device(device)
        self._latent = None if isinstance(model, str) else as_latent_model(model)

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Encode a batch.

        Args:
            batch: Columns by name, each a list, an array or a tensor.

        Returns:
            The same columns, and those of the posteriors.

        Raises:
            ArgumentError: If the process cannot make the model.
            DataError: If the column is missing, is not finite or has rows of several shapes, or the batch has columns
                of the posteriors already.
        """
        if self._column not in batch:
            msg = f"column={self._column!r} is not in the batch; it has {', '.join(map(repr, batch))}."
            raise DataError(msg)
        taken = [name for name in GaussianPosterior._fields if name in batch]
        if taken:
            msg = f"the batch has a column {taken[0]!r} already; rename it, or take it out, before encoding."
            raise DataError(msg)
        values = batch[self._column]
        x = values if isinstance(values, torch.Tensor) else self._array(values)
        posterior = encode_data(self._latent_model(), x, max(1, len(x)))
        return {**batch, **{name: part.detach().float().cpu().numpy() for name, part in posterior._asdict().items()}}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_latent": None}  # made again where it arrives: what it was made of says it all

    def _latent_model(self) -> LatentModel:
        if self._latent is None:
            made = load_model(self._model, self._device) if isinstance(self._model, str) else self._model
            self._latent = as_latent_model(made)
        return self._latent

    def _array(self, values: Any) -> Shaped[np.ndarray, "n *shape"]:
        """A column as an array; Python's numbers become float32, as they do in torch."""
        if isinstance(values, np.ndarray):
            return values
        try:
            return torch.tensor(values).numpy()
        except (TypeError, ValueError) as error:
            msg = f"column={self._column!r} holds no rows of numbers of one shape: {error}."
            raise DataError(msg) from error
