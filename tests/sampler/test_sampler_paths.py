"""Paths between data points, decoded."""

import pytest
import torch

from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.errors import ArgumentError, DataError, NotFittedError
from riemann_sampler.geometry import interpolate, widen
from tests.helpers.builders import TwoHalves, data, fitted, posterior, shared


def test_paths_lead_from_reconstruction_to_reconstruction() -> None:
    sampler = shared("uniform")
    a, b = data()[:3], data()[3:6]
    images = sampler.interpolate(a, b, n_points=7)
    assert images.shape == (3, 7, 1, 4)
    assert images.dtype == torch.float32
    for end, x in ((images[:, 0], a), (images[:, -1], b)):
        torch.testing.assert_close(end, sampler.model.decode(sampler.model.encode(x).mean))


def test_they_are_decoded_interpolations_on_the_widened_metric() -> None:
    sampler = shared("uniform")
    a, b = data()[:2], data()[2:4]
    codes = [sampler.model.encode(x).mean for x in (a, b)]
    points = interpolate(widen(sampler.metric_, 2.0), *codes, n_points=5, exponent=0.7).points
    found = sampler.interpolate(a.numpy(), b.numpy(), n_points=5, exponent=0.7, island_scale=2.0)
    torch.testing.assert_close(found, sampler.model.decode(points.flatten(0, 1)).unflatten(0, (2, 5)))


def test_each_label_has_paths_of_its_own() -> None:
    x = data()
    sampler = fitted("uniform", x, [i % 2 for i in range(len(x))], n_centroids=20)
    first, second = (sampler.interpolate(x[:2], x[2:4], label=label) for label in (0, 1))
    assert not torch.equal(first, second)
    with pytest.raises(ArgumentError, match=r"label None is unknown: known are \[0, 1\]"):
        sampler.interpolate(x[:2], x[2:4])


def test_the_island_law_has_paths_too() -> None:
    assert torch.isfinite(shared("clusters").interpolate(data()[:2], data()[2:4], n_points=3)).all()


def test_what_cannot_be_interpolated() -> None:
    x = data()
    sampler = shared("uniform")
    with pytest.raises(ArgumentError, match=r"a and b must have the same shape"):
        sampler.interpolate(x[:2], x[:3])
    with pytest.raises(DataError, match=r"data must be finite, but row 1"):
        sampler.interpolate(x[:2], torch.stack([x[0], x[0] * torch.nan]))
    with pytest.raises(ArgumentError, match=r"scale must be positive and finite, got -1"):
        sampler.interpolate(x[:2], x[2:4], island_scale=-1.0)
    with pytest.raises(NotFittedError, match=r"not fitted; call fit"):
        RiemannianUniformSampler(TwoHalves()).interpolate(x[:2], x[2:4])
    with pytest.raises(ArgumentError, match=r"model is None, so latents cannot be decoded"):
        RiemannianUniformSampler(n_centroids=10, n_steps=2, n_warmup=2).fit(posterior(20)).interpolate(x, x)
