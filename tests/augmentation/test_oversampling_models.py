"""`RiemannianOverSampler` with a model that is trained already."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from benchmarks.harness.snapshots import traces
from riemann_sampler import CollapseWarning, DataError, UnsupportedModelError
from riemann_sampler.augmentation.auto_model import AutoModel
from tests.helpers.models import make_plain_vae
from tests.helpers.oversampling_cases import Identity, Y, numbers, quick, rng
from tests.helpers.tables import mixed_frame


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_trained_model(dtype: type) -> None:
    model = Identity()
    X = numbers().astype(dtype)
    sampler = quick(model=model, sampling_strategy="minority")
    more, _ = sampler.fit_resample(X, Y)
    assert sampler.model_ is model
    assert set(model.seen) == {torch.float32}
    assert (more.dtype, more.shape) == (X.dtype, (94, 4))
    np.testing.assert_array_equal(more[:60], X)
    frame = pd.DataFrame(X, columns=list("wxyz"), index=np.arange(60) / 7)
    more_frame, _ = sampler.fit_resample(frame, Y)
    assert more_frame.dtypes.tolist() == frame.dtypes.tolist()
    np.testing.assert_array_equal(more_frame.to_numpy(), more)


def test_a_model_of_ours_that_is_trained_already() -> None:
    frame = mixed_frame()
    model = AutoModel.fit(frame, n_steps=5)
    sampler = quick(model=model)
    more, _ = sampler.fit_resample(frame, Y)
    assert sampler.model_ is model
    assert more.dtypes.tolist() == frame.dtypes.tolist()
    pd.testing.assert_frame_equal(more, clone(sampler).fit_resample(frame, Y)[0])


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the model is not trained
def test_a_trained_network_stays_as_it_was() -> None:
    model = make_plain_vae()
    before = traces(model)
    images = rng().random((60, 1, 8, 8))
    sampler = quick(model=model)
    more, _ = sampler.fit_resample(images, Y)
    assert more.shape == (120, 1, 8, 8)
    assert traces(model) == before
    copy = clone(sampler)
    assert copy.model is not model
    np.testing.assert_array_equal(copy.fit_resample(images, Y)[0], more)


def test_a_trained_model_warns_of_idle_units() -> None:
    """Its user could mend them; those of ``model="auto"`` are passed over in silence."""
    X = numbers()
    X[:, 0] = 1e-6 * X[:, 1]
    with pytest.warns(CollapseWarning):
        quick(model=Identity(spread=0.99)).fit_resample(X, Y)


def test_a_model_that_decodes_another_shape() -> None:
    model = Identity()
    model.decode = lambda z: z[:, None, :2]
    with pytest.raises(DataError, match=r"^model decodes to shape \(1, 2\), but a row of X has shape \(4,\): reshape"):
        quick(model=model).fit_resample(numbers(), Y)


@pytest.mark.parametrize(
    ("X", "dtype"),
    [
        (rng().integers(0, 255, (60, 4)).astype(np.uint8), "uint8"),
        (pd.DataFrame(numbers(), columns=list("wxyz")).assign(word="x"), "object"),
    ],
)
def test_a_trained_model_needs_floating_point_rows(X: Any, dtype: str) -> None:
    with pytest.raises(DataError, match=rf"^model is a trained one, .* but X holds {dtype}: give X as the model was"):
        quick(model=Identity()).fit_resample(X, Y)


def test_an_unknown_model() -> None:
    with pytest.raises(UnsupportedModelError, match=r"No adapter for a model of type str"):
        quick(model="automatic").fit_resample(numbers(), Y)


def test_each_row_is_encoded_once_and_each_draw_decoded_once() -> None:
    """The work grows with the rows and with what is drawn, not with their product."""

    class Counting(Identity):
        n_encoded = n_decoded = 0

        def encode(self, x: Any) -> Any:
            self.n_encoded += len(x)
            return super().encode(x)

        def decode(self, z: Any) -> Any:
            self.n_decoded += len(z)
            return super().decode(z)

    model = Counting(spread=0.3)
    sampler = quick(model=model, min_distance=0.8, sampling_strategy={"b": 100})
    sampler.fit_resample(numbers(), Y)
    counts = sampler.filter_counts_
    assert counts.n_drawn > counts.n_kept == 86
    assert (model.n_encoded, model.n_decoded) == (60, counts.n_drawn)
