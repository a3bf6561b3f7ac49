"""A batch encoder gives what the model gives, wherever it is sent."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from riemann_sampler import UnsupportedModelError
from riemann_sampler.adapters import FunctionAdapter, as_latent_model
from riemann_sampler.errors import ArgumentError, DataError
from riemann_sampler.sharding.batch_encoder import BatchEncoder
from tests.helpers.builders import TwoHalves, data
from tests.helpers.models import digit_images, make_plain_vae
from tests.helpers.processes import in_group

X = data(9)


@pytest.mark.parametrize("kind", ["clone", "numpy", "tolist"])
def test_columns_of_any_kind(kind: str) -> None:
    batch = {"x": getattr(X, kind)(), "name": list("abcdefghi")}
    found = BatchEncoder(TwoHalves(), column="x")(batch)
    assert list(found) == ["x", "name", "mean", "log_variance"]
    assert found["x"] is batch["x"]
    for name, wanted in zip(("mean", "log_variance"), X.chunk(2, 1), strict=True):
        assert found[name].dtype == np.float32
        assert np.array_equal(found[name], wanted.numpy())
    assert list(batch) == ["x", "name"]


def test_it_encodes_as_the_adapter_does_before_and_after_pickling() -> None:
    model, images = make_plain_vae(), digit_images()[:20]
    mean, log_variance = as_latent_model(model).encode(images)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    encoder = BatchEncoder(model)
    for each in (encoder, pickle.loads(pickle.dumps(encoder)), encoder):
        found = each({"data": images.numpy()})
        assert np.array_equal(found["mean"], mean.detach().numpy())
        assert np.array_equal(found["log_variance"], log_variance.detach().numpy())
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


class Spatial(torch.nn.Module):
    """Codes are small images; what shape they have is learnt from the first ones."""

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x.reshape(-1, 1, 2, 2), x.reshape(-1, 1, 2, 2)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z


def test_use_does_not_change_what_is_pickled() -> None:
    """Libraries that keep results know a function by its pickle."""
    encoder = BatchEncoder(Spatial())
    before = pickle.dumps(encoder)
    assert np.array_equal(encoder({"data": X})["mean"], X.numpy())
    assert pickle.dumps(encoder) == before


def unpicklable() -> FunctionAdapter:
    return FunctionAdapter(encode=lambda x: (x[:, :2], x[:, 2:]), decode=lambda z: z, latent_dim=2)


def _mean(encoder: BatchEncoder) -> list[float]:
    return encoder({"data": X})["mean"].ravel().tolist()


def test_a_model_that_each_process_makes(tmp_path: Path) -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(BatchEncoder(unpicklable()))
    encoder = BatchEncoder("tests.sharding.test_batch_encoder:unpicklable")
    assert in_group(1, tmp_path, _mean, encoder) == [X[:, :2].flatten().tolist()]


def test_what_cannot_be_encoded() -> None:
    encoder = BatchEncoder(TwoHalves(), column="x")
    bad = X.clone()
    bad[3, 1] = torch.nan
    for batch, message in (
        ({"y": X}, r"column='x' is not in the batch; it has 'y'"),
        ({"x": X, "mean": X}, r"a column 'mean' already"),
        ({"x": [[1.0, 2.0], [3.0]]}, r"column='x' holds no rows of numbers of one shape"),
        ({"x": ["a", "b"]}, r"column='x' holds no rows of numbers of one shape"),
        ({"x": bad}, r"row 3 holds NaN"),
    ):
        with pytest.raises(DataError, match=message):
            encoder(batch)


def test_what_is_no_model() -> None:
    with pytest.raises(UnsupportedModelError):
        BatchEncoder(object())
    with pytest.raises(ArgumentError, match="there is no module 'nowhere'"):
        BatchEncoder("nowhere:model")({"data": X})
