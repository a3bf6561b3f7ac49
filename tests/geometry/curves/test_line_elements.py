"""Line elements against dense matrices and autograd."""

import pytest
import torch

from riemann_sampler.errors import ArgumentError
from riemann_sampler.geometry import ConformalMetric, InverseMetric, OwnMetric
from riemann_sampler.geometry.curves.line_elements import line_element
from tests.helpers.builders import METRICS, diagonal_metric, normal

DIM = 3
EXPONENT = 0.8

ELEMENTS = {
    "own": (OwnMetric, lambda G: G),
    "inverse": (InverseMetric, torch.linalg.inv),
    "conformal": (
        lambda metric: ConformalMetric(metric, EXPONENT),
        lambda G: torch.linalg.det(G)[:, None, None] ** -EXPONENT * torch.eye(DIM, dtype=torch.float64),
    ),
}


@pytest.fixture(params=list(METRICS))
def metric(request: pytest.FixtureRequest):
    return METRICS[request.param](dim=DIM)


@pytest.fixture(params=list(ELEMENTS))
def element_and_matrix(request: pytest.FixtureRequest, metric):
    make, matrix = ELEMENTS[request.param]
    return make(metric), lambda z: matrix(metric.tensor(z))


def test_norms_and_gradients(element_and_matrix) -> None:
    element, matrix = element_and_matrix
    z, v = normal(5, DIM, seed=3).requires_grad_(), normal(5, DIM, seed=4).requires_grad_()
    expected = 0.5 * torch.einsum("ni,nij,nj->n", v, matrix(z), v).log()
    gradients = torch.autograd.grad(expected.sum(), (z, v))
    for one, other in zip(element.log_norm_and_gradients(z, v), (expected, *gradients), strict=True):
        torch.testing.assert_close(one, other)


def test_dual_norms_and_gradients(element_and_matrix) -> None:
    element, matrix = element_and_matrix
    z, p = normal(5, DIM, seed=3).requires_grad_(), normal(5, DIM, seed=4).requires_grad_()
    expected = 0.5 * torch.einsum("ni,nij,nj->n", p, torch.linalg.inv(matrix(z)), p).log()
    gradients = torch.autograd.grad(expected.sum(), (z, p))
    for one, other in zip(element.log_dual_norm_and_gradients(z, p), (expected, *gradients), strict=True):
        torch.testing.assert_close(one, other)


def test_momenta(element_and_matrix) -> None:
    element, matrix = element_and_matrix
    z, v = normal(5, DIM, seed=3), normal(5, DIM, seed=4)
    momentum = element.to_momentum(z, v)
    torch.testing.assert_close(momentum, torch.einsum("nij,nj->ni", matrix(z), v))


def test_norms_and_gradients_are_differentiable(element_and_matrix) -> None:
    element, _ = element_and_matrix
    arguments = normal(2, DIM, seed=3).requires_grad_(), normal(2, DIM, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(element.log_norm_and_gradients, arguments)
    assert torch.autograd.gradcheck(element.log_dual_norm_and_gradients, arguments)


def test_the_scale_of_the_metric_does_not_matter() -> None:
    """Where G underflows in float64, norms are still finite and right: vᵀG v is that of the nearest island alone."""
    metric = diagonal_metric(1, DIM, regularization=1e-300, decay=1.0)
    z, v = metric.centroids + 60.0, normal(1, DIM)
    assert not metric.tensor(z).any()
    square = (metric.precisions * (v * v)).sum()
    exponent = -(metric.precisions * 60.0**2).sum() / metric.temperature**2
    found = OwnMetric(metric).log_norm_and_gradients(z, v)[0]
    torch.testing.assert_close(found, (0.5 * (square.log() + exponent))[None])
    for element in (InverseMetric(metric), ConformalMetric(metric)):
        assert all(torch.isfinite(part).all() for part in element.log_norm_and_gradients(z, v))


def test_chunked_is_unchunked(metric, monkeypatch: pytest.MonkeyPatch) -> None:
    z, v = normal(7, DIM, seed=3), normal(7, DIM, seed=4)
    whole = metric.log_norm_and_gradients(z, v), metric.log_dual_norm_and_gradients(z, v)
    monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", 7)
    monkeypatch.setattr("riemann_sampler.compute.chunking.LEAST_ROWS", 1)
    parts = metric.log_norm_and_gradients(z, v), metric.log_dual_norm_and_gradients(z, v)
    for one, other in zip(sum(whole, ()), sum(parts, ()), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_metric_is_its_own_line_element() -> None:
    metric = diagonal_metric()
    element = line_element(metric)
    assert isinstance(element, OwnMetric)
    assert element.metric is metric
    assert line_element(element) is element


def test_exponents() -> None:
    assert ConformalMetric(diagonal_metric(dim=5)).exponent == pytest.approx(2 / 5)
    with pytest.raises(ArgumentError, match=r"exponent must be positive and finite, got 0"):
        ConformalMetric(diagonal_metric(), 0.0)
