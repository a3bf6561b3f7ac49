"""What scvi-tools' ``setup_anndata`` said of the data, and how an AnnData object is read by it.

The library's own way, ``transfer_fields``, writes to that object, to the model's class and to the random state, and
warns of categories with few cells, which slices have. Here the object is only read.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from ..errors import DataError

__all__ = ["ScviSetup"]

_MINIFIED = "latent_posterior_parameters"  # scvi's word for data whose counts have given way to their posteriors


class ScviSetup:
    """Where the counts and the covariates of each cell are.

    Args:
        registry: The registry of a model.

    Attributes:
        categories: Column of obs, and known values, of each categorical covariate. The batch comes first; its column
            is None where all cells are of one batch.
        numerical: Columns of obs with numerical covariates.
        n_genes: Number of genes.

    Example:
        >>> codes = ScviSetup(model.registry_).codes(adata)
    """

    categories: list[tuple[str | None, list[Any]]]
    numerical: list[str]
    n_genes: int

    def __init__(self, registry: Mapping[str, Any]) -> None:
        arguments = registry["setup_args"]
        states = {name: field["state_registry"] or {} for name, field in registry["field_registries"].items()}
        others = states.get("extra_categorical_covs", {}).get("mappings", {})
        mappings = [(arguments["batch_key"], states["batch"]["categorical_mapping"]), *others.items()]
        self.categories = [(key, np.asarray(values).tolist()) for key, values in mappings]
        self.numerical = list(states.get("extra_continuous_covs", {}).get("columns", ()))
        self._layer, self._size_factor = arguments["layer"], arguments.get("size_factor_key")
        self._genes = states["X"]["column_names"]
        self.n_genes = len(self._genes)

    def counts(self, adata: Any) -> Any:
        """The matrix of counts, dense or sparse, as it is stored; a `DataError` if it is not the model's kind."""
        if adata.uns.get("_scvi_adata_minify_type") == _MINIFIED:
            msg = (
                "The data are minified, their counts are gone: fit on GaussianPosterior(mean, variance.log()) of the "
                "two arrays that minify_adata took from obsm."
            )
            raise DataError(msg)
        if not np.array_equal(adata.var_names, self._genes):
            msg = (
                f"The {adata.n_vars} genes of the data are not, in their order, the {self.n_genes} of the model: "
                "pass adata[:, model.get_var_names()], or a matrix if only the names differ."
            )
            raise DataError(msg)
        return self._stored(adata)

    def sizes(self, adata: Any) -> Shaped[np.ndarray, " cells"]:
        """Library size of each cell, the sum of its counts, or its size factor if the model was set up with one."""
        if self._size_factor is not None:
            return np.asarray(_column(adata, self._size_factor))
        return np.asarray(self._stored(adata).sum(axis=1)).ravel()

    def codes(self, adata: Any) -> Int[np.ndarray, "cells categories"]:
        """Number of each cell's category among the known values, for each categorical covariate."""
        rows = [_number(adata, key, values) for key, values in self.categories]
        return np.array(rows, dtype=np.int64).reshape(len(rows), adata.n_obs).T

    def numbers(self, adata: Any) -> Float[np.ndarray, "cells numerical"]:
        """Numerical covariates of each cell."""
        rows = [_column(adata, key) for key in self.numerical]
        return np.array(rows, dtype=float).reshape(len(rows), adata.n_obs).T

    def _stored(self, adata: Any) -> Any:
        if self._layer is None:
            return adata.X
        if self._layer not in adata.layers:
            msg = f"The model was set up with the layer {self._layer!r}; the data have {_list_names(adata.layers)}."
            raise DataError(msg)
        return adata.layers[self._layer]


def _number(adata: Any, key: str | None, values: list[Any]) -> list[int]:
    if key is None:
        return [0] * adata.n_obs
    number = {value: index for index, value in enumerate(values)}
    column = _column(adata, key).tolist()
    unknown = [value for value in column if value not in number]
    if unknown:
        msg = f"obs[{key!r}] holds {unknown[0]!r}, which the model was not trained on; it knows {_list_names(values)}."
        raise DataError(msg)
    return [number[value] for value in column]


def _column(adata: Any, key: str) -> Any:
    if key not in adata.obs:
        msg = f"The model was set up with the column {key!r} of obs; the data have {_list_names(adata.obs)}."
        raise DataError(msg)
    return adata.obs[key]


def _list_names(names: Any) -> str:
    return ", ".join(map(repr, names)) or "none"
