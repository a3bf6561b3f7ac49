"""The terms of a metric, centroids and floor, against dense sums and autograd."""

import math

import pytest
import torch
from torch import Tensor

from riemann_sampler.metric.components import LN2, MetricComponents, exp2_clamped_
from tests.helpers import reference
from tests.helpers.builders import METRICS, normal

K, N, DIM = 5, 4, 3
SCALARS = {"temperature": 1.3, "regularization": 0.4, "decay": 0.2}


@pytest.fixture(params=list(METRICS))
def metric(request: pytest.FixtureRequest):
    return METRICS[request.param](k=K, dim=DIM, **SCALARS)


@pytest.fixture
def terms(metric) -> MetricComponents:
    return MetricComponents(metric.quadratics, **SCALARS)


def matrices(metric) -> Tensor:
    """C_k, the floor's last."""
    return torch.cat([reference.dense(metric.precisions), torch.eye(DIM, dtype=torch.float64)[None]])


def exponents(metric, z: Tensor) -> Tensor:
    """ℓ_k(z), the floor's last."""
    floor = math.log(SCALARS["regularization"]) - SCALARS["decay"] * z.square().sum(1, keepdim=True)
    islands = -reference.squares(metric.centroids, metric.precisions, z) / SCALARS["temperature"] ** 2
    return torch.cat([islands, floor], 1).T


def test_exponents_are_those_of_the_centroids_and_the_floor(metric, terms) -> None:
    z = 2 * normal(N, DIM, seed=3)
    torch.testing.assert_close(terms.exponents(terms.features(z)) * LN2, exponents(metric, z))


def test_exponents_keep_their_precision_far_from_the_origin() -> None:
    """Where the codes lie far out, the expanded squares of islands and floor must not cancel."""
    near = METRICS["diagonal"](k=K, dim=DIM, **SCALARS)
    far = type(near)(near.centroids + 1e3, near.precisions, **SCALARS)
    z = near.centroids[:N] + 0.1
    terms = MetricComponents(far.quadratics, **SCALARS)
    found = terms.exponents(terms.features(z + 1e3)) * LN2
    torch.testing.assert_close(found, exponents(far, z + 1e3), rtol=1e-11, atol=1e-9)


def test_results_are_written_where_they_are_asked_for(metric, terms) -> None:
    z, out = normal(N, DIM, seed=3), torch.empty(K + 1, N, dtype=torch.float64)
    assert terms.exponents(terms.features(z), out) is out
    assert torch.equal(out, terms.exponents(terms.features(z)))
    coefficients = normal(N, K, seed=7).exp() @ metric.quadratics.coefficients
    assert terms.traces(coefficients, out) is out
    assert torch.equal(out, terms.traces(coefficients))


def test_mix(metric, terms) -> None:
    weights = normal(K + 1, N, seed=4)
    expected = torch.einsum("kn,kij->nij", weights, matrices(metric))
    torch.testing.assert_close(metric.quadratics.dense(terms.mix(weights)), expected)


def test_traces(metric, terms) -> None:
    coefficients = normal(N, K, seed=7).exp() @ metric.quadratics.coefficients
    expected = torch.einsum("nij,kji->kn", metric.quadratics.dense(coefficients), matrices(metric))
    torch.testing.assert_close(terms.traces(coefficients), expected)


def test_half_gradient_of_the_weighted_exponents(metric, terms) -> None:
    u, z = normal(K + 1, N, seed=4), normal(N, DIM, seed=5).requires_grad_()
    (gradient,) = torch.autograd.grad((u * exponents(metric, z)).sum(), z)
    torch.testing.assert_close(terms.half_gradient(terms.slope_sums(u), z.detach()), gradient / 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_exponentials_are_exact_or_negligible_and_never_denormal(dtype: torch.dtype) -> None:
    exponents = torch.tensor([0.0, -1.0, -30.5, -50.0, -130.0, -1000.0, -1e30, -torch.inf], dtype=dtype)
    values = exp2_clamped_(exponents.clone())
    assert (values >= torch.finfo(dtype).tiny * 1e10).all()
    assert (values[4:] < torch.finfo(dtype).eps ** 2).all()
    torch.testing.assert_close(values[:4], torch.exp2(exponents[:4]), rtol=1e-6, atol=0)


@pytest.mark.parametrize("kept", [0, 4 * N, 2**23])
def test_blocks_are_the_terms(metric, terms, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    monkeypatch.setattr("riemann_sampler.metric.metric.KEPT_NUMBERS", kept)  # none, two blocks of three, all
    monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", N)  # two terms at a time
    blocks, features = terms.blocks(N), terms.features(normal(N, DIM, seed=3))
    assert [len(block) for block in blocks] == [2, 2, 2]
    torch.testing.assert_close(torch.cat([b.exponents(features) for b in blocks]), terms.exponents(features))
    assert len(terms.blocks(1)) == 1 + (K + 1 > 2 * N)
    z = normal(7, DIM, seed=4)
    found = metric.log_density_and_gradient(z), metric.log_volume_and_sum_of_powers(z, 1.5, normal(K + 1, seed=5))
    monkeypatch.undo()
    for one, other in zip(found[0], metric.log_density_and_gradient(z), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    whole = metric.log_volume_and_sum_of_powers(z, 1.5, normal(K + 1, seed=5))
    for one, other in zip(found[1], whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("kept", "n_evaluations"), [(0, 12), (15, 10), (2**23, 6)])
def test_weights_are_computed_again_only_beyond_the_bound(metric, monkeypatch, kept: int, n_evaluations: int) -> None:
    """Six blocks of one term at seven positions each, of which 15 numbers hold two."""
    monkeypatch.setattr("riemann_sampler.compute.chunking.BLOCK_ELEMENTS", N)
    monkeypatch.setattr("riemann_sampler.metric.metric.KEPT_NUMBERS", kept)
    evaluated = []
    exponents_of = MetricComponents.exponents
    monkeypatch.setattr(
        MetricComponents, "exponents", lambda *arguments: evaluated.append(1) or exponents_of(*arguments)
    )
    metric.grad_log_volume(normal(7, DIM, seed=4))
    assert len(evaluated) == n_evaluations
