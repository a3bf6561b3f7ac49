"""scvi-tools: posteriors and counts are the library's own, from data of every kind."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.harness.isolation import set_apart
from riemann_sampler.adapters import ScviAdapter, as_latent_model
from tests.helpers.scvi_models import (
    COVARIATES,
    MODELS,
    PHASE,
    cells,
    library_sizes,
    make_scvi,
    own_posterior,
    scvi_model,
    trained,
)


def own_law(model: Any, row: int, z: Tensor, size: float) -> Any:
    """The generative call of scvi-tools on the covariates that its own loader gives for a cell of the model's data."""
    with set_apart(), torch.no_grad():
        (tensors,) = model._make_data_loader(model.adata, indices=[row] * len(z))
        if "extra_continuous_covs" in tensors:
            median = model.adata.obs["percent_mito"].median()
            tensors["extra_continuous_covs"] = torch.full_like(tensors["extra_continuous_covs"], median)
        if "size_factor" in tensors:
            tensors["size_factor"] = torch.full_like(tensors["size_factor"], size)
        library = torch.full((len(z), 1), size).log()
        inputs = model.module._get_generative_input(tensors, {"z": z, "library": library})
        return model.module.generative(**inputs)["px"]


def positions(n: int, dim: int = 3) -> Tensor:
    return torch.linspace(-2, 2, n * dim).reshape(dim, n).T


def row_of(adata: Any, **wanted: str) -> int:
    """Row of the first cell with the wanted values in obs."""
    return int(np.flatnonzero(np.all([adata.obs[key] == value for key, value in wanted.items()], axis=0))[0])


@pytest.mark.parametrize("name", MODELS)
def test_posteriors_are_those_of_scvi(name: str) -> None:
    model = scvi_model(name)
    adapter = as_latent_model(model)
    assert type(adapter) is ScviAdapter
    assert adapter.latent_dim == 3
    rows = slice(100, 130)
    posterior = adapter.encode(cells()[rows])
    mean, variance = own_posterior(model)
    torch.testing.assert_close(posterior.mean, mean[rows], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(posterior.log_variance.exp(), variance[rows], rtol=1e-5, atol=0)


def test_a_subclass_of_a_usable_model_is_usable() -> None:
    model = scvi_model("nb")
    own = type("Mine", (type(model),), {"__module__": "my_models"})
    alike = object.__new__(own)
    vars(alike).update(vars(model))
    assert torch.equal(as_latent_model(alike).encode(cells()[:5]).mean, as_latent_model(model).encode(cells()[:5]).mean)


@pytest.mark.parametrize("name", MODELS)
def test_decoding_is_the_mean_of_what_scvi_generates_for_a_typical_cell(name: str) -> None:
    model = scvi_model(name)
    obs, z = model.adata.obs, positions(5)
    size = obs["size"].median() if name == "size factor" else np.median(library_sizes(model.adata))
    row = row_of(model.adata, phase="G1", bulk_labels="Dendritic")
    law = own_law(model, row, z, size)
    adapter = as_latent_model(model)
    torch.testing.assert_close(adapter.decode(z), law.mean, rtol=1e-5, atol=1e-7)
    own = adapter.distribution(z)
    assert type(own) is type(law)
    counts = torch.from_numpy(model.adata.X[:5].toarray())
    torch.testing.assert_close(own.log_prob(counts), law.log_prob(counts), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", ["G1", "G2M", "S"])
def test_a_named_batch_gives_the_normalized_expression_of_scvi(batch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = scvi_model("nb"), []
    generative = model.module.generative

    @wraps(generative)
    def spy(z: Tensor, **inputs: Any) -> Any:
        seen.append(z)
        return generative(z=z, **inputs)

    with set_apart(), monkeypatch.context() as patch:
        patch.setattr(model.module, "generative", spy)
        expression = model.get_normalized_expression(
            indices=range(8), transform_batch=batch, library_size=1e4, return_numpy=True
        )
    counts = ScviAdapter(model, batch=batch, library_size=1e4).decode(seen[0])
    np.testing.assert_allclose(counts.numpy(), expression, rtol=1e-5)


def test_the_batches_differ_and_the_most_frequent_is_the_default() -> None:
    model, z = scvi_model("types"), positions(4)
    default = ScviAdapter(model).decode(z)
    assert torch.equal(default, ScviAdapter(model, batch="Dendritic").decode(z))
    assert not torch.allclose(default, ScviAdapter(model, batch="CD14+ Monocyte").decode(z), rtol=1e-2)


@pytest.mark.parametrize("name", ["nb", "zinb", "linear", "scanvi"])
def test_the_library_size_is_the_one_asked_for(name: str) -> None:
    rates = ScviAdapter(scvi_model(name), library_size=5000.0).distribution(positions(4)).mu
    torch.testing.assert_close(rates.sum(1), torch.full((4,), 5000.0), rtol=1e-5, atol=0)


def test_counts_can_be_drawn() -> None:
    adapter = ScviAdapter(scvi_model("nb"), library_size=1e5)
    law = adapter.distribution(positions(2))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        counts = law.sample((400,))
    assert torch.equal(counts, counts.round())
    error = (counts.mean(0) - adapter.decode(positions(2))) / (law.variance / 400).sqrt()
    assert 0.9 < error.std() < 1.1


MATRICES: dict[str, Callable[[Any], Any]] = {
    "csr": lambda matrix: matrix,
    "csc": lambda matrix: matrix.tocsc(),
    "array": lambda matrix: matrix.toarray(),
    "read-only": lambda matrix: np.broadcast_to(matrix.toarray(), matrix.shape),
    "float64": lambda matrix: matrix.toarray().astype(np.float64),
    "integers": lambda matrix: matrix.toarray().astype(np.uint16),
    "tensor": lambda matrix: torch.from_numpy(matrix.toarray()),
    "integer tensor": lambda matrix: torch.from_numpy(matrix.toarray()).to(torch.int32),
}


@pytest.mark.parametrize("kind", MATRICES)
def test_a_matrix_of_counts_is_as_good_as_an_annotated_one(kind: str) -> None:
    adapter = ScviAdapter(scvi_model("nb"))
    posterior = adapter.encode(MATRICES[kind](cells().X[:20]))
    assert torch.equal(posterior.mean, adapter.encode(cells()[:20]).mean)


def test_a_matrix_for_an_encoder_of_covariates_is_of_typical_cells() -> None:
    model = scvi_model("covariates")
    typical = cells()[:20].copy()
    typical.obs["phase"], typical.obs["bulk_labels"] = "S", "Dendritic"
    typical.obs["percent_mito"] = cells().obs["percent_mito"].median()
    adapter = ScviAdapter(model, batch="S")
    found = adapter.encode(cells().X[:20]).mean
    torch.testing.assert_close(found, adapter.encode(typical).mean)
    assert not torch.allclose(found, adapter.encode(cells()[:20]).mean, rtol=1e-2)


def test_the_layer_of_the_model_is_read() -> None:
    adapter, mean = as_latent_model(trained()), own_posterior(trained())[0]
    fresh = cells()[:9].copy()
    fresh.layers["counts"], fresh.X = fresh.X, fresh.X * 0
    torch.testing.assert_close(adapter.encode(fresh).mean, mean[:9], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["nb", "covariates"])
def test_a_slice_is_encoded_as_the_rows_of_the_whole(name: str) -> None:
    adapter = as_latent_model(scvi_model(name))
    whole, alone = adapter.encode(cells()), adapter.encode(cells()[41])
    for part, row in zip(whole, alone, strict=True):
        torch.testing.assert_close(row, part[41:42], rtol=1e-5, atol=1e-6)
    decoded = adapter.decode(whole.mean)
    torch.testing.assert_close(adapter.decode(alone.mean), decoded[41:42], rtol=1e-4, atol=1e-6)
    parts = [adapter.encode(cells()[start : start + 300]).mean for start in (0, 300, 600)]
    torch.testing.assert_close(torch.cat(parts), whole.mean, rtol=1e-5, atol=1e-6)


def test_the_training_mode_changes_nothing() -> None:
    model = scvi_model("nb")
    adapter = as_latent_model(model)
    posterior = adapter.encode(cells()[:20])
    decoded = adapter.decode(posterior.mean)
    model.module.train()
    try:
        assert torch.equal(adapter.encode(cells()[:20]).mean, posterior.mean)
        assert torch.equal(adapter.decode(posterior.mean), decoded)
        assert torch.equal(adapter.distribution(posterior.mean).mean, decoded)
        assert all(submodule.training for submodule in model.module.modules())
    finally:
        model.module.eval()


def test_a_double_precision_module_gets_and_gives_double_precision() -> None:
    model = make_scvi(cells().copy(), setup=PHASE | COVARIATES, encode_covariates=True)
    single = as_latent_model(model).encode(cells()[:20])
    model.module.double()
    adapter = as_latent_model(model)
    posterior = adapter.encode(cells()[:20])
    decoded = adapter.decode(posterior.mean)
    assert posterior.mean.dtype == posterior.log_variance.dtype == decoded.dtype == torch.float64
    torch.testing.assert_close(posterior.mean, single.mean.double(), rtol=1e-4, atol=1e-5)


def test_results_are_on_the_device_of_the_model(device: str) -> None:
    model = make_scvi(cells().copy(), setup=PHASE | COVARIATES, encode_covariates=True)
    expected = as_latent_model(model).encode(cells()[:20]).mean
    model.to_device(device)
    adapter = as_latent_model(model)
    mean = adapter.encode(cells()[:20]).mean
    assert mean.device.type == adapter.decode(mean).device.type == device
    torch.testing.assert_close(mean.cpu(), expected, rtol=1e-4, atol=1e-4)
