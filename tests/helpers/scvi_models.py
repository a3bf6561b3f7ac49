"""Models of scvi-tools for the tests, imported when the first is made: that takes long.

Building and training one leaves the global state as it was.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.harness.isolation import set_apart

PHASE = {"batch_key": "phase"}  # its most frequent category, G1, is the first
TYPES = {"batch_key": "bulk_labels"}  # its most frequent category, Dendritic, is the last
COVARIATES = {"categorical_covariate_keys": ["bulk_labels"], "continuous_covariate_keys": ["percent_mito"]}

MODELS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "nb": ("SCVI", PHASE, {"gene_likelihood": "nb"}),
    "zinb": ("SCVI", PHASE, {"gene_likelihood": "zinb", "dispersion": "gene-cell"}),
    "poisson": ("SCVI", PHASE, {"gene_likelihood": "poisson", "use_observed_lib_size": False}),
    "normal": ("SCVI", {}, {"gene_likelihood": "normal"}),
    "types": ("SCVI", TYPES, {"encode_covariates": True}),
    "embedding": ("SCVI", PHASE, {"batch_representation": "embedding", "encode_covariates": True}),
    "covariates": ("SCVI", PHASE | COVARIATES, {"encode_covariates": True, "n_layers": 2, "dispersion": "gene-batch"}),
    "decoder covariates": ("SCVI", COVARIATES, {}),
    "size factor": ("SCVI", {"size_factor_key": "size"}, {}),
    "linear": ("LinearSCVI", PHASE, {}),
    "scanvi": ("SCANVI", PHASE | {"labels_key": "bulk_labels", "unlabeled_category": "CD34+"}, {}),
}
"""Class, set-up and arguments of small models of three dimensions, after one epoch each."""


def cells() -> Any:
    """The annotated cells of the benchmarks, to be copied."""
    with set_apart():
        from benchmarks.models.zoo import scvi
    return scvi.cells()


def make_scvi(*arguments: Any, **options: Any) -> Any:
    """A trained model, as the benchmarks make them."""
    with set_apart():
        from benchmarks.models.zoo import scvi
    return scvi.make_scvi(*arguments, **options)


@cache
def scvi_model(name: str) -> Any:
    """One of `MODELS`, with a copy of `cells` as its data."""
    kind, setup, arguments = MODELS[name]
    return make_scvi(cells().copy(), kind, setup=setup, **arguments)


@cache
def trained() -> Any:
    """A model of two dimensions that has learnt something; the counts of its data are in a layer."""
    adata = cells().copy()
    adata.layers["counts"], adata.X = adata.X, np.zeros(adata.shape, dtype=np.float32)
    setup = PHASE | {"layer": "counts"}
    return make_scvi(adata, setup=setup, epochs=20, n_latent=2, gene_likelihood="nb", encode_covariates=True)


def own_posterior(model: Any, adata: Any = None) -> tuple[Tensor, Tensor]:
    """Means and variances by scvi-tools itself."""
    with set_apart():
        mean, variance = model.get_latent_representation(adata, return_dist=True)
    return torch.from_numpy(mean), torch.from_numpy(variance)


def library_sizes(adata: Any) -> Any:
    """Sum of the counts of each cell."""
    return np.asarray(adata.X.sum(axis=1)).ravel()
