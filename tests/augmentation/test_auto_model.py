"""A latent model of ours, trained on the user's rows or images."""

import pickle
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from riemann_sampler import (
    ArgumentError,
    ArgumentTypeError,
    CollapseWarning,
    DataError,
    LatentModel,
    RiemannianUniformSampler,
)
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.augmentation import auto_model
from riemann_sampler.augmentation.auto_model import AutoModel
from riemann_sampler.augmentation.image_codec import Pixels
from riemann_sampler.augmentation.small_vae import VAE, train_vae
from tests.helpers.tables import mixed_frame

LABELS = ["a"] * 50 + ["b"] * 70


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def table(n: int = 120) -> Any:
    """Six columns of two factors."""
    return rng().normal(size=(n, 2)) @ rng(1).normal(size=(2, 6)) + 3.0


def frame(n: int = 120) -> pd.DataFrame:
    """Its index says nothing about the position of rows."""
    columns = pd.DataFrame(table(n), columns=list("uvwxyz"), index=rng().permutation(n))
    return columns.assign(count=rng().poisson(2.0, n), word=rng().choice(["yes", "no"], n))


def digits(n: int = 60) -> Any:
    from sklearn.datasets import load_digits

    return load_digits().images[:n]


def quick(X: Any, **arguments: Any) -> AutoModel:
    return AutoModel.fit(X, **{"n_steps": 3, "latent_dim": 2, **arguments})


def test_it_is_a_latent_model() -> None:
    model = quick(table())
    assert isinstance(model, LatentModel)
    assert as_latent_model(model) is model
    assert model.latent_dim == 2


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")  # the model is hardly trained
@pytest.mark.parametrize("X", [table(), frame()], ids=["array", "frame"])
def test_the_sampler_takes_it(X: Any) -> None:
    model = quick(X, n_steps=100)
    sampler = RiemannianUniformSampler.from_preset("calibrated", model, batch_size=50).fit(X, labels=LABELS)
    posterior = model.encode(X)
    torch.testing.assert_close(sampler.posterior_.mean, posterior.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(sampler.posterior_.log_variance, posterior.log_variance, rtol=1e-4, atol=1e-5)
    rows = model.rows(sampler.sample(9, label="b", seed=0))
    assert type(rows) is type(X)
    assert rows.shape == (9, X.shape[1])


def test_rows_are_encoded_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    model = quick(table())
    whole = model.encode(table())
    assert not whole.mean.requires_grad
    assert whole.mean.shape == whole.log_variance.shape == (120, 2)
    sizes = []
    encode = model.vae.encode
    monkeypatch.setattr(auto_model, "ROWS_AT_A_TIME", 50)
    monkeypatch.setattr(model.vae, "encode", lambda x: sizes.append(len(x)) or encode(x))
    parts = model.encode(torch.from_numpy(table()))
    assert sizes == [50, 50, 20]
    torch.testing.assert_close(parts.mean, whole.mean)
    torch.testing.assert_close(parts.log_variance, whole.log_variance)


def test_it_encodes_and_decodes_as_its_vae() -> None:
    model = quick(frame())
    mean, log_variance = model.vae.encode(model.transform(frame()))
    posterior = model.encode(frame())
    torch.testing.assert_close(posterior.mean, mean)
    torch.testing.assert_close(posterior.log_variance, log_variance)
    z = posterior.mean.double()
    decoded = model.decode(z)
    torch.testing.assert_close(decoded, model.vae.decode(mean))
    torch.testing.assert_close(decoded[:, -2:].sum(1), torch.ones(120))


def test_it_learns() -> None:
    model = AutoModel.fit(table(400), latent_dim=2, n_steps=300)
    rows = model.rows(model.decode(model.encode(table(400)).mean), noise=False)
    assert ((rows - table(400)).std(0) < 0.35 * table(400).std(0)).all()


def test_rows_get_the_noise_that_is_left() -> None:
    model = quick(table())
    decoded = model.decode(torch.zeros(4000, 2))
    means = model.rows(decoded, noise=False)
    np.testing.assert_allclose(means, np.tile(model.codec.inverse(decoded, rng())[:1], (4000, 1)))
    model.vae.noise = torch.linspace(0.05, 0.3, 6)
    rows = model.rows(decoded, seed=1)
    np.testing.assert_allclose((rows - means).std(0), model.vae.noise.numpy() * table().std(0), rtol=0.05)
    np.testing.assert_array_equal(rows, model.rows(decoded, seed=1))
    assert not np.isclose(rows, model.rows(decoded, seed=2)).all(0).any()


def test_the_seed_decides_on_the_model() -> None:
    first, again, other = (quick(table(), seed=seed).encode(table()).mean for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_what_the_training_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def spy(data: Tensor, layout: Any, **arguments: Any) -> VAE:
        given.update(arguments, data=data, layout=layout)
        return train_vae(data, layout, n_steps=1)

    monkeypatch.setattr(auto_model, "train_vae", spy)
    features = ["count", "word"]
    model = AutoModel.fit(frame(), labels=LABELS, categorical_features=features, latent_dim=5, n_steps=7, seed=11)
    assert (given["latent_dim"], given["n_steps"], given["seed"]) == (5, 7, 11)
    assert given["layout"] == model.codec.layout
    assert given["layout"].n_numeric == 6
    assert torch.equal(given["data"], model.transform(frame()))
    assert given["labels"].tolist() == [0] * 50 + [1] * 70
    AutoModel.fit(frame())
    assert given["labels"] is None
    assert (given["latent_dim"], given["n_steps"], given["seed"]) == (None, None, 0)
    assert given["layout"].n_numeric == 7


def test_labels_of_another_number() -> None:
    with pytest.raises(ArgumentError, match=r"^labels must hold one label for each of the 120 rows, got 119\.$"):
        AutoModel.fit(table(), labels=LABELS[1:])


def test_it_can_be_pickled() -> None:
    model = quick(frame())
    copy = pickle.loads(pickle.dumps(model))
    assert torch.equal(copy.encode(frame()).mean, model.encode(frame()).mean)
    z = torch.ones(5, 2)
    pd.testing.assert_frame_equal(copy.rows(copy.decode(z)), model.rows(model.decode(z)))


IMAGES = {
    "grey": digits(),
    "grey uint8": (digits() * 15).astype(np.uint8),
    "channels first": digits()[:, None].repeat(3, 1).astype(np.float32),
    "channels last": (digits()[..., None].repeat(4, 3) * 9 - 40).astype(np.int16),
    "mask": digits() > 8,
    "not square": digits()[:, :5],
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_come_back(kind: str) -> None:
    X = IMAGES[kind]
    pixels = Pixels.fit(X)
    images = pixels.transform(X)
    n_channels = {"channels first": 3, "channels last": 4}.get(kind, 1)
    assert images.shape == (60, n_channels, X.shape[2] if kind == "channels first" else X.shape[1], 8)
    assert (float(images.min()), float(images.max())) == (0.0, 1.0)
    back = pixels.inverse(images, rng())
    assert back.dtype == X.dtype
    assert back.shape == X.shape
    np.testing.assert_allclose(back, X, atol=1e-5)


def test_where_the_channels_are() -> None:
    X = rng().random((5, 4, 6, 3))  # either axis could be that of channels: the first is
    assert Pixels.fit(X).transform(X).shape == (5, 4, 6, 3)
    low, high = X.min(), X.max()
    last = X[:, :2]
    scaled = torch.from_numpy((last - last.min()) / (last.max() - last.min())).float()
    torch.testing.assert_close(Pixels.fit(last).transform(last), scaled.permute(0, 3, 1, 2))
    torch.testing.assert_close(Pixels.fit(X).transform(X), torch.from_numpy((X - low) / (high - low)).float())


def test_pixels_stay_in_their_range_and_are_rounded() -> None:
    X = np.array([[[3, 8], [3, 3]]], dtype=np.uint8)
    pixels = Pixels.fit(X)
    assert pixels.inverse(np.array([[[[-1.0, 2.0], [0.29, 0.31]]]]), rng()).tolist() == [[[3, 8], [4, 5]]]


def test_a_model_of_images() -> None:
    X = IMAGES["channels last"]
    model = AutoModel.fit(X, latent_dim=8, n_steps=300)
    rows = model.rows(model.decode(model.encode(X).mean))
    assert rows.shape == X.shape
    assert rows.dtype == X.dtype
    explained = 1 - np.square(rows - X.astype(float)).mean() / np.square(X - X.mean(0)).mean()
    assert explained > 0.25


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((4, 5, 5), 2.0), r"^every pixel of X is 2, so there is nothing that a VAE could learn\.$"),
        (np.ones((4, 5, 5, 2)), r"^X must hold rows, or images of shape .* got shape \(5, 5, 2\) for each\.$"),
        (np.ones((4, 2, 3, 5, 5)), r"got shape \(2, 3, 5, 5\) for each\.$"),
        (np.ones((0, 5, 5)), r"^X is empty: its shape is \(0, 5, 5\)\.$"),
    ],
)
def test_images_that_cannot_be_used(X: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        AutoModel.fit(X)


@pytest.mark.parametrize("pixel", [np.nan, np.inf])
def test_pixels_that_are_not_finite(pixel: float) -> None:
    X = digits()
    X[7, 2, 3] = pixel
    message = r"^X must have no NaN and no infinite pixels, but image 7 holds some\.$"
    with pytest.raises(DataError, match=message):
        AutoModel.fit(X)
    with pytest.raises(DataError, match=message):
        quick(digits()).encode(X)


def test_images_of_no_numbers() -> None:
    with pytest.raises(ArgumentTypeError, match=r"^X must hold images of numbers, got dtype object\.$"):
        AutoModel.fit(digits().astype(object))


def test_images_of_another_shape() -> None:
    with pytest.raises(DataError, match=r"^X must hold images of the shape \(8, 8\) of the fit, got \(7, 8\)\.$"):
        quick(digits()).encode(digits()[:, 1:])


def test_no_table() -> None:
    with pytest.raises(ArgumentTypeError, match=r"^X must be an array of two axes or a pandas DataFrame, got list\.$"):
        AutoModel.fit([[1.0, 2.0]])


def test_rows_of_a_frame_are_taken_by_position() -> None:
    """Its index holds numbers that are no positions, in random order."""
    frame = mixed_frame()
    model = AutoModel.fit(frame, n_steps=1)
    sampler = RiemannianUniformSampler.from_preset("calibrated", model, batch_size=7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CollapseWarning)
        posterior = sampler.fit(frame).posterior_
    torch.testing.assert_close(posterior.mean, model.encode(frame).mean)
