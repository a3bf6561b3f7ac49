"""Models of scvi-tools for the counts of single cells: which of them can be used, and how they are called.

The library is recognised by the names of a model's classes and never imported.
"""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.distributions import Distribution

from ..errors import ArgumentError, UnsupportedModelError
from ..validation import choice, positive
from .base import NetworkAdapter, placed_like, untouched
from .checks import WAY_OUT, explained, usable_class
from .outputs import log_variance, read_data
from .scvi_cells import TypicalCell, check_counts
from .scvi_setup import ScviSetup

__all__ = ["REASONS", "USABLE", "ScviAdapter"]

USABLE = frozenset({"SCVI", "LinearSCVI", "SCANVI"})

_NETWORK = "it is a network without the set-up of its data: pass the model that it is the module of"
_MODALITIES = "it decodes to several modalities, not to one array"
_NOT_TORCH = "its network is not one of torch"

REASONS = {
    "VAE": _NETWORK,
    "LDVAE": _NETWORK,
    "SCANVAE": _NETWORK,
    "TOTALVI": _MODALITIES,
    "MULTIVI": _MODALITIES,
    "JaxSCVI": _NOT_TORCH,
    "mlxSCVI": _NOT_TORCH,
}


class ScviAdapter(NetworkAdapter):
    """A trained SCVI, LinearSCVI or SCANVI of scvi-tools, or a user's subclass of one.

    Cells are encoded from an AnnData object, in which the layer and the covariates that the model was set up with are
    looked up by name, or from a matrix of counts, dense or sparse. They are decoded to the expected counts of a typical
    cell: it has the given batch and library size, the most frequent category of every other covariate, and the median
    of each numerical one. If the encoder asks for covariates, the rows of a matrix are taken for typical cells too.

    Args:
        model: The trained model itself, not its ``module``. Nothing of it, of its data or of its class is changed.
        batch: Category of the model's ``batch_key`` to decode; None is the most frequent one in the model's data.
        library_size: Counts of a decoded cell, before a zero-inflated likelihood turns some into zeros, or the size
            factor of a model with a ``size_factor_key``; None is the median of the model's data.

    Raises:
        ArgumentError: The model is not trained, the batch is not known, or the library size is not positive.
        UnsupportedModelError: The model is of another kind, or its decoder sees something else than the Gaussian.

    Example:
        >>> counts = ScviAdapter(model, library_size=5000).distribution(z).sample()
    """

    def __init__(self, model: Any, *, batch: Any = None, library_size: float | None = None) -> None:
        kind = usable_class(model, "scvi", USABLE, REASONS)
        if not model.is_trained_:
            msg = f"model is a {kind} that is not trained: call its train() first."
            raise ArgumentError(msg)
        reason = _reason_to_reject(model.module)
        if reason:
            msg = f"{type(model).__name__} (a scvi {kind}) cannot be used: {reason}. {WAY_OUT}"
            raise UnsupportedModelError(msg)
        super().__init__(model.module, model.module.n_latent)
        self.input_hint = "Pass an AnnData object, or a matrix of counts."
        self._name, self._setup = type(model).__name__, ScviSetup(model.registry_)
        batches = self._setup.categories[0][1]
        self._cell = TypicalCell(
            model,
            self._setup,
            batch=None if batch is None else batches.index(choice("batch", batch, batches)),
            library_size=None if library_size is None else positive("library_size", library_size),
        )

    def distribution(self, z: Float[Tensor, "n dim"]) -> Distribution:
        """Law of the counts at latent positions, to draw cells from; ``decode`` gives its mean.

        Args:
            z: Positions, in latent units.

        Returns:
            The distribution of scvi-tools that the model was trained with, of batch shape (n, genes).

        Raises:
            DataError: The module fails on the positions, or the model holds no data to take a typical cell from.
        """
        with torch.no_grad(), untouched(self.module), explained(f"decode of {self._name}", z):
            return self._generate(placed_like(z, self.module))

    def gaussian(self, x: Any) -> tuple[object, object]:
        """Mean and log-variance of ``qz``, as the module infers it from counts."""
        is_annotated = hasattr(x, "obs")
        stored = self._setup.counts(x) if is_annotated else x
        dense: Tensor = placed_like(stored.toarray() if hasattr(stored, "toarray") else stored, self.module)
        counts = check_counts(
            dense.to(next(self.module.parameters()).dtype),
            self._setup.n_genes,
            may_be_negative=self.module.gene_likelihood == "normal",
        )
        n = len(counts)
        if not self.module.encode_covariates:
            covariates = self._covariates(np.zeros((n, 1), dtype=np.int64), np.zeros((n, 0)))
        elif is_annotated:
            covariates = self._covariates(self._setup.codes(x), self._setup.numbers(x))
        else:
            covariates = self._typical(n)
        posterior = self.module.inference(counts, **covariates)["qz"]
        return posterior.loc, log_variance(posterior.scale, "std")

    def data(self, z: Tensor) -> object:
        """Expected counts, (n, genes)."""
        return read_data(self._generate(z))

    def _generate(self, z: Tensor) -> Distribution:
        size = torch.full_like(z[:, :1], math.log(self._cell.size))
        law: Distribution = self.module.generative(z, size, size_factor=size, **self._typical(len(z)))["px"]
        return law

    def _covariates(
        self, codes: Int[np.ndarray, "n categories"], numbers: Float[np.ndarray, "n numerical"]
    ) -> dict[str, Tensor | None]:
        """Covariates under the module's names; where there are none it wants None."""
        return {
            "batch_index": placed_like(codes[:, :1], self.module),
            "cat_covs": placed_like(codes[:, 1:], self.module) if codes.shape[1] > 1 else None,
            "cont_covs": placed_like(numbers, self.module) if numbers.shape[1] else None,
        }

    def _typical(self, n: int) -> dict[str, Tensor | None]:
        """The covariates of the typical cell, n times."""
        return self._covariates(*(row.repeat(n, 0) for row in self._cell.covariates))


def _reason_to_reject(module: Any) -> str | None:
    """Why a model of a usable class cannot be used after all; None if it can."""
    if module.latent_distribution == "ln":
        return 'its decoder sees the softmax of the Gaussian, not the Gaussian (latent_distribution="ln")'
    if module.dispersion == "gene-label":
        return 'its counts depend on a label, which a latent position does not have (dispersion="gene-label")'
    return None
