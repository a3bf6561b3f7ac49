"""scvi-tools: a sampler gives cells like the data's, and leaves model, data and library as they were."""

import logging
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import as_latent_model
from tests.helpers.scvi_models import cells, library_sizes, own_posterior, scvi_model, trained


def everything(model: Any, adata: Any) -> dict[str, Any]:
    """All that scvi-tools itself changes when it reads data, and more."""
    stores = [type(model)._setup_adata_manager_store, *type(model)._per_instance_manager_store.values()]
    return {
        "module": traces(model.module),
        "model": {name: id(value) for name, value in vars(model).items()},
        "registry": repr(model.registry_),
        "stores": [{key: id(manager) for key, manager in store.items()} for store in stores],
        "managers": [{name: id(value) for name, value in vars(m).items()} for store in stores for m in store.values()],
        "fields": [vars(field).copy() for field in model.adata_manager.fields],
        "frames": (adata.obs.to_dict(), adata.var.to_dict(), adata.is_view),
        "mappings": [{key: id(value) for key, value in mapping.items()} for mapping in (adata.uns, adata.layers)],
        "obsm": list(adata.obsm),
        "counts": (adata.X.sum(), adata.layers["counts"].sum(), type(adata.X), type(adata.layers["counts"])),
    }


@pytest.mark.parametrize("own", [True, False], ids=["own data", "data never set up"])
def test_model_data_and_library_are_left_as_they_were(own: bool, caplog: pytest.LogCaptureFixture) -> None:
    adata = trained().adata
    if not own:
        adata = cells().copy()
        adata.layers["counts"], adata.X = adata.X, adata.X * 0
    trained().module.train()
    try:
        before = everything(trained(), adata)
        with caplog.at_level(logging.DEBUG):
            RiemannianUniformSampler(trained(), law="islands").fit(adata).sample(20, seed=0)
        assert everything(trained(), adata) == before
        assert [record for record in caplog.records if "scvi" in record.name] == []
    finally:
        trained().module.eval()


def test_everything_shows_what_scvi_changes() -> None:
    adata = cells()[:5].copy()
    adata.layers["counts"] = adata.X
    before = everything(trained(), adata)
    own_posterior(trained(), adata)
    after = everything(trained(), adata)
    assert {name for name in before if after[name] != before[name]} >= {"stores", "managers", "frames", "mappings"}


@pytest.mark.usefixtures("without_type_checks")
def test_the_global_random_state_is_untouched() -> None:
    adapter = as_latent_model(scvi_model("covariates"))
    before = random_states()
    adapter.decode(adapter.encode(cells()[:20]).mean)
    assert random_states() == before


@cache
def fitted() -> RiemannianUniformSampler:
    return RiemannianUniformSampler(trained(), n_steps=10, n_warmup=10).fit(trained().adata)


def test_samples_look_like_the_data() -> None:
    counts = fitted().sample(200, seed=0)
    torch.testing.assert_close(counts.sum(1), torch.full((200,), np.median(library_sizes(cells()))), rtol=1e-5, atol=0)
    correlation = np.corrcoef(counts.mean(0).numpy(), np.asarray(cells().X.mean(0)).ravel())[0, 1]
    assert correlation > 0.95  # measured: 0.993


def test_samples_of_a_label_have_the_markers_of_its_cells() -> None:
    types = ["CD19+ B", "CD14+ Monocyte"]
    adata = trained().adata[cells().obs["bulk_labels"].isin(types)]
    sampler = RiemannianUniformSampler(trained(), law="islands").fit(adata, labels=adata.obs["bulk_labels"].tolist())
    drawn = [sampler.sample(200, label=label, seed=0).mean(0).numpy() for label in types]
    data = [np.asarray(cells()[cells().obs["bulk_labels"] == label].X.mean(0)).ravel() for label in types]
    fold_changes = [np.log1p(first) - np.log1p(second) for first, second in (drawn, data)]
    assert np.corrcoef(fold_changes)[0, 1] > 0.9  # measured: 0.98


def test_a_sampler_that_was_saved_draws_the_same_counts(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    again = RiemannianUniformSampler.load(tmp_path, trained())
    assert torch.equal(again.sample(30, seed=1), fitted().sample(30, seed=1))
