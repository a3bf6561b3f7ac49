"""scvi-tools' models of single cells, on blood cells that are bundled with scanpy."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import scanpy
import scipy.sparse
import scvi
from anndata import AnnData

from ...harness.isolation import set_apart
from . import Trained

__all__ = ["MODELS", "REFUSED", "cells", "make_scvi"]


@cache
def cells() -> Any:
    """700 blood cells and 765 genes (10x Genomics, bundled with scanpy): an AnnData object of counts, to be copied.

    Bundled are ln(1 + 10⁴ counts / n_counts), rounded to three decimals, where n_counts is the cell's sum over all
    genes before some were left out. The quotients that undo this lie within 0.08 of whole numbers, so that rounding
    gives the counts exactly.
    """
    with set_apart():
        bundled = scanpy.datasets.pbmc68k_reduced()
        scale = bundled.obs["n_counts"].to_numpy(np.float64)[:, None] / 1e4
        quotients = np.expm1(bundled.raw.X.toarray().astype(np.float64)) * scale
        counts = np.rint(quotients)
        if not np.allclose(counts, quotients, rtol=0, atol=0.1):
            msg = "The bundled data are not normalized counts any more."
            raise ValueError(msg)
        matrix = scipy.sparse.csr_matrix(counts.astype(np.float32))
        obs = bundled.obs[["phase", "bulk_labels", "percent_mito"]].astype({"percent_mito": float})
        obs["size"] = np.linspace(0.5, 2.0, len(obs)) ** 3  # any positive numbers, their median is not their mean
        return AnnData(matrix, obs=obs, var=bundled.raw.var[[]])


def make_scvi(
    adata: Any,
    kind: str = "SCVI",
    *,
    setup: dict[str, Any] | None = None,
    epochs: int = 1,
    seed: int = 0,
    **arguments: Any,
) -> Any:
    """A trained model of the class ``kind`` in scvi.model; ``setup`` goes to setup_anndata, the rest to the class.

    The object that is passed is set up, as scvi-tools does it.
    """
    with set_apart(seed):
        model_class = getattr(scvi.model, kind)
        model_class.setup_anndata(adata, **(setup or {}))
        model = model_class(adata, **{"n_hidden": 32, "n_latent": 3, **arguments})
        model.train(
            max_epochs=epochs,
            plan_kwargs={"lr": 1e-2},
            train_size=1.0,
            accelerator="cpu",
            shuffle_set_split=False,
            enable_progress_bar=False,
            enable_checkpointing=False,
            logger=False,
        )
        return model


def _trained(kind: str, **setup: Any) -> Trained:
    adata = cells().copy()
    return Trained(make_scvi(adata, kind, setup={"batch_key": "phase", **setup}, epochs=20, n_latent=5), adata)


MODELS: dict[str, Callable[[], Trained]] = {
    "SCVI": partial(_trained, "SCVI"),
    "LinearSCVI": partial(_trained, "LinearSCVI"),
    "SCANVI": partial(_trained, "SCANVI", labels_key="bulk_labels", unlabeled_category="CD34+"),
}

REFUSED: dict[str, Callable[[], Any]] = {
    "SCVI with latent_distribution='ln'": lambda: make_scvi(cells().copy(), latent_distribution="ln"),
}
