"""scvi-tools: what cannot be used, or only with more said, and the messages about it."""

from collections.abc import Callable
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.harness.isolation import set_apart
from riemann_sampler.adapters import ScviAdapter, as_latent_model
from riemann_sampler.adapters.scvi import REASONS, USABLE
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, DataError, UnsupportedModelError
from tests.helpers.scvi_models import PHASE, cells, make_scvi, scvi_model, trained

WAY_OUT = r"FunctionAdapter\(encode="
POSITIONS = torch.tensor([[-1.0, 0.0, 1.0], [2.0, 0.5, -2.0]])


@cache
def without_data() -> Any:
    """The model "types" as it is loaded without its data."""
    model = scvi_model("types")
    with set_apart(), TemporaryDirectory() as folder:
        model.save(folder, overwrite=True, save_anndata=False)
        return type(model).load(folder, adata=False)


def test_a_model_without_data_encodes_and_decodes_what_it_is_told() -> None:
    adapter, whole = (
        ScviAdapter(model, batch="CD34+", library_size=900.0) for model in (without_data(), scvi_model("types"))
    )
    mean = adapter.encode(cells()[:20]).mean
    assert torch.equal(mean, whole.encode(cells()[:20]).mean)
    assert torch.equal(adapter.decode(mean), whole.decode(mean))


def test_a_model_without_data_asks_for_what_it_cannot_know() -> None:
    holds_none = (
        r"SCVI holds no data to take the {} of decoded cells from: pass ScviAdapter\(\.\.\., {}=\.\.\.\), or load"
    )
    with pytest.raises(DataError, match=holds_none.format("library size", "library_size")):
        ScviAdapter(without_data(), batch="CD34+").decode(POSITIONS)
    with pytest.raises(DataError, match=holds_none.format("batch, or other covariates,", "batch")):
        ScviAdapter(without_data(), library_size=900.0).decode(POSITIONS)


def test_minified_data_are_refused() -> None:
    model = make_scvi(cells().copy(), setup=PHASE)
    with set_apart():
        model.adata.obsm["X_latent_qzm"], model.adata.obsm["X_latent_qzv"] = model.get_latent_representation(
            return_dist=True
        )
        model.minify_adata()
    adapter = as_latent_model(model)
    with pytest.raises(DataError, match=r"minified, their counts are gone: fit on GaussianPosterior"):
        adapter.encode(model.adata[:5])
    with pytest.raises(
        DataError, match=r"median library size .* is 0: pass ScviAdapter\(\.\.\., library_size=\.\.\.\)"
    ):
        adapter.decode(POSITIONS)
    kept = torch.from_numpy(model.adata.obsm["X_latent_qzm"][:5])
    torch.testing.assert_close(adapter.encode(cells()[:5]).mean, kept)


def with_count(value: float) -> Callable[[Any], Any]:
    def change(adata: Any) -> Any:
        adata.X[2, 7] = value
        return adata

    return change


def with_column(key: str, value: str) -> Callable[[Any], Any]:
    def change(adata: Any) -> Any:
        adata.obs[key] = value
        return adata

    return change


def without_column(key: str) -> Callable[[Any], Any]:
    def change(adata: Any) -> Any:
        del adata.obs[key]
        return adata

    return change


BAD_DATA: dict[str, tuple[Callable[[Any], Any], str]] = {
    "negative": (with_count(-1), r"must be finite and not negative; those of 1 of the batch's 5 cells .* row 2"),
    "infinite": (with_count(np.inf), r"must be finite and not negative; those of 1 of the batch's 5 cells .* row 2"),
    "not a number": (with_count(np.nan), r"must be finite and not negative; those of 1 of"),
    "fewer genes": (lambda adata: adata[:, :9], r"The 9 genes of the data are not, in their order, the 765"),
    "other order": (lambda adata: adata[:, ::-1], r"The 765 genes .* pass adata\[:, model\.get_var_names\(\)\]"),
    "no batch": (without_column("phase"), r"column 'phase' of obs; the data have 'bulk_labels'"),
    "new batch": (with_column("phase", "M"), r"obs\['phase'\] holds 'M', which .* it knows 'G1', 'G2M', 'S'"),
    "new category": (with_column("bulk_labels", "?"), r"obs\['bulk_labels'\] holds '\?'"),
    "no number": (without_column("percent_mito"), r"column 'percent_mito' of obs"),
    "narrow matrix": (lambda adata: adata.X[:, :9], r"must have shape \(cells, 765\), .*; got \(5, 9\)"),
    "one row": (lambda adata: adata.X.toarray()[0], r"must have shape \(cells, 765\), .*; got \(765,\)"),
    "list": (lambda adata: adata.X.toarray().tolist(), r"(?s)encode of SCVI failed on a list.*Pass an AnnData object"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_data_that_cannot_be_encoded_are_refused(name: str) -> None:
    change, message = BAD_DATA[name]
    data = change(cells()[:5].copy())
    adapter = as_latent_model(scvi_model("covariates"))
    with pytest.raises(DataError, match=message):
        adapter.encode(data)


def test_data_without_the_layer_of_the_model_are_refused() -> None:
    with pytest.raises(DataError, match=r"set up with the layer 'counts'; the data have none\."):
        as_latent_model(trained()).encode(cells()[:5])


def test_covariates_that_the_encoder_does_not_see_are_not_asked_for() -> None:
    bare = cells()[:5].copy()
    del bare.obs
    adapter = as_latent_model(scvi_model("nb"))
    assert torch.equal(adapter.encode(bare).mean, adapter.encode(cells()[:5]).mean)


def test_negative_numbers_are_data_of_a_normal_likelihood() -> None:
    matrix = cells().X[:5].toarray()
    matrix[2, 7] = -0.5
    assert torch.isfinite(as_latent_model(scvi_model("normal")).encode(matrix).mean).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch": "M"}, ArgumentError, "batch must be one of 'G1', 'G2M', 'S'; got 'M'"),
        ({"library_size": 0}, ArgumentError, "library_size must be positive and finite, got 0"),
        ({"library_size": "1e4"}, ArgumentTypeError, "library_size must be a number, got '1e4'"),
    ],
)
@pytest.mark.usefixtures("without_type_checks")
def test_arguments_of_no_meaning_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ScviAdapter(scvi_model("nb"), **arguments)


def test_positions_of_another_dimension_are_refused() -> None:
    adapter = ScviAdapter(scvi_model("nb"))
    for call in (adapter.decode, adapter.distribution):
        with pytest.raises(DataError, match=r"decode of SCVI failed on a torch\.float32 tensor of shape \(2, 4\)"):
            call(torch.zeros(2, 4))


def untrained(**arguments: Any) -> Any:
    with set_apart():
        import scvi

        adata = cells().copy()
        scvi.model.SCVI.setup_anndata(adata, labels_key="bulk_labels")
        return scvi.model.SCVI(adata, **arguments)


def test_an_untrained_model_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"model is a SCVI that is not trained: call its train\(\) first"):
        as_latent_model(untrained())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [({"latent_distribution": "ln"}, "sees the softmax of the Gaussian"), ({"dispersion": "gene-label"}, "a label")],
)
def test_models_whose_decoder_sees_something_else_are_refused(arguments: dict[str, Any], reason: str) -> None:
    model = untrained(**arguments)
    model.is_trained_ = True
    with pytest.raises(UnsupportedModelError, match=rf"(?s)^SCVI \(a scvi SCVI\).*{reason}.*{WAY_OUT}"):
        as_latent_model(model)


def test_every_other_model_of_scvi_is_refused() -> None:
    with set_apart():
        import scvi
        from scvi.model.base import BaseModelClass

        found = [getattr(scvi.model, name) for name in scvi.model.__all__]
    others = {kind for kind in found if isinstance(kind, type) and issubclass(kind, BaseModelClass)}
    assert {kind.__name__ for kind in others} > USABLE
    for kind in others:
        if kind.__name__ not in USABLE:
            reason = REASONS.get(kind.__name__, "is not known")
            with pytest.raises(UnsupportedModelError, match=rf"(?s)^{kind.__name__} .*{reason}.*{WAY_OUT}"):
                as_latent_model(object.__new__(kind))


def test_the_network_of_a_model_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"^VAE \(a scvi VAE\).*pass the model that it is the module of"):
        as_latent_model(scvi_model("nb").module)
