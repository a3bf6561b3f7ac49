"""Data and models of the benchmarks."""

import numpy as np
import torch

from benchmarks.datasets import digits
from benchmarks.features import digits_mlp64
from benchmarks.models import active_units, train_vae


def test_split_is_stratified_and_shares_nothing() -> None:
    split = digits(seed=1)
    assert split.train.shape == (1297, 1, 8, 8)
    assert split.heldout.shape == (500, 1, 8, 8)
    assert split.train.min() == 0
    assert split.train.max() == 1
    shares = [np.bincount(labels) / len(labels) for labels in (split.train_labels, split.heldout_labels)]
    np.testing.assert_allclose(*shares, atol=2e-3)
    assert torch.cdist(split.train.flatten(1), split.heldout.flatten(1)).min() > 0
    assert torch.equal(digits(seed=1).train, split.train)
    assert not torch.equal(digits(seed=2).train, split.train)


def test_features_tell_digits_apart() -> None:
    split = digits(n_train=300, seed=0)
    features = digits_mlp64(split, seed=0)
    train, heldout = features.extract(split.train), features.extract(split.heldout)
    assert train.shape == (300, 64)
    assert train.min() == 0
    nearest = np.square(heldout[:, None] - train).sum(2).argmin(1)
    assert (split.train_labels[nearest] == split.heldout_labels).mean() > 0.85


def test_training_depends_on_nothing_but_its_seed() -> None:
    images = digits(n_train=200, seed=0).train
    n_threads = torch.get_num_threads()
    models = [train_vae(images, 3, n_epochs=2, seed=seed) for seed in (0, 0, 1)]
    assert torch.get_num_threads() == n_threads
    weights = [torch.nn.utils.parameters_to_vector(model.parameters()) for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not any(model.training for model in models)


def test_training_fits() -> None:
    images = digits(n_train=400, seed=0).train
    model = train_vae(images, 16, n_epochs=100)
    with torch.no_grad():
        posterior = model.encoder(images)
        reconstructions = model.decoder(posterior.embedding)["reconstruction"]
    error = (reconstructions - images).square().mean()
    assert error < 0.3 * images.var(0).mean()
    assert active_units(posterior.embedding, posterior.log_covariance) == 16


def test_active_units_counted_by_hand() -> None:
    mean = torch.tensor([[-1.0, 0.0, -0.05], [1.0, 0.0, 0.05]])  # variances 2, 0, 0.005
    assert active_units(mean, torch.zeros(2, 3)) == 1
    assert active_units(mean, torch.full((2, 3), -2.0)) == 2
