"""The cells that a model of scvi-tools encodes, and the typical one that latent positions are decoded as."""

from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import DataError
from .scvi_setup import ScviSetup

__all__ = ["TypicalCell", "check_counts"]


def check_counts(counts: Float[Tensor, "..."], n_genes: int, *, may_be_negative: bool) -> Float[Tensor, "cells genes"]:
    """The counts of a batch of cells; a `DataError` if their shape, or one of them, is impossible."""
    if counts.ndim != 2 or counts.shape[1] != n_genes:
        wanted = f"(cells, {n_genes}), with the genes of the model"
        msg = f"The counts must have shape {wanted}; got {tuple(counts.shape)}."
        raise DataError(msg)
    good = torch.isfinite(counts) & ((counts >= 0) | may_be_negative)
    bad = (~good.all(1)).nonzero()[:, 0].tolist()
    if bad:
        wanted = "finite" if may_be_negative else "finite and not negative"
        msg = (
            f"The counts must be {wanted}; those of {len(bad)} of the batch's {len(counts)} cells are not, first "
            f"row {bad[0]}."
        )
        raise DataError(msg)
    return counts


class TypicalCell:
    """What latent positions do not say of a decoded cell: covariates and library size.

    It has the most frequent category of every categorical covariate, the median of every numerical one, and the median
    library size, of the model's data; a `DataError` says which argument would do if the model holds none.

    Args:
        model: The model.
        setup: What its data look like.
        batch: Number of the batch's category; None is the most frequent one.
        library_size: Counts of the cell, or its size factor; None is the median.

    Example:
        >>> codes, numbers = TypicalCell(model, setup, batch=None, library_size=None).covariates
    """

    def __init__(self, model: Any, setup: ScviSetup, *, batch: int | None, library_size: float | None) -> None:
        self._model, self._setup, self._batch, self._library_size = model, setup, batch, library_size

    @cached_property
    def covariates(self) -> tuple[Int[np.ndarray, "1 categories"], Float[np.ndarray, "1 numerical"]]:
        """Number of each category, the batch first, and the numerical covariates."""
        setup, given = self._setup, [] if self._batch is None else [self._batch]
        if not setup.numerical and all(len(values) == 1 for _, values in setup.categories[len(given) :]):
            rest = [0] * (len(setup.categories) - len(given))
            return np.array([given + rest], dtype=np.int64), np.zeros((1, 0))
        adata = self._data("the batch, or other covariates,", "batch")
        frequent = [int(np.bincount(column).argmax()) for column in setup.codes(adata).T]
        codes = np.array([given + frequent[len(given) :]], dtype=np.int64)
        return codes, np.median(setup.numbers(adata), axis=0, keepdims=True)

    @cached_property
    def size(self) -> float:
        """Library size, or size factor."""
        if self._library_size is not None:
            return self._library_size
        size = float(np.median(self._setup.sizes(self._data("the library size", "library_size"))))
        if not size > 0:
            msg = f"The median library size of the model's data is {size:g}: pass ScviAdapter(..., library_size=...)."
            raise DataError(msg)
        return size

    def _data(self, wanted: str, argument: str) -> Any:
        """The AnnData object that the model holds."""
        if self._model.adata is None:
            msg = (
                f"The {type(self._model).__name__} holds no data to take {wanted} of decoded cells from: pass "
                f"ScviAdapter(..., {argument}=...), or load the model together with its adata."
            )
            raise DataError(msg)
        return self._model.adata
