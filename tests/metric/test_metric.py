"""Both metrics against the dense twin, and their invariances, by one set of tests."""

from abc import ABC, abstractmethod
from typing import Any

import pytest
import torch
from torch import Tensor

from riemann_sampler import DiagonalMetric, FullMetric
from riemann_sampler.compute import chunking as chunks_module
from riemann_sampler.compute.chunking import row_chunks
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.metric.metric import Metric
from tests.helpers import reference
from tests.helpers.builders import SCALARS, diagonal_metric, full_metric, moved, normal

N, DIM = 9, 3
TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-12}


class MetricTests(ABC):
    """What holds for every structure; a structure says how to make one, and its precisions as dense matrices."""

    @abstractmethod
    def create(self, **arguments: Any) -> Metric: ...

    @abstractmethod
    def evaluate(self, precisions: Tensor) -> Tensor: ...

    def positions(self) -> Tensor:
        return 2 * normal(N, DIM, seed=5)

    def test_log_volume(self, device: str) -> None:
        metric, z = moved(self.create(), device), self.positions().to(device)
        torch.testing.assert_close(metric.log_volume(z), reference.log_volume(metric, z), **TIGHT)

    @pytest.mark.parametrize("regularization", [1e-12, 0.05, 30.0], ids=["islands", "both", "floor"])
    def test_gradient(self, device: str, regularization: float) -> None:
        metric, z = moved(self.create(regularization=regularization), device), self.positions().to(device)
        torch.testing.assert_close(metric.grad_log_volume(z), reference.grad_log_volume(metric, z), **TIGHT)

    def test_log_volume_is_differentiable(self) -> None:
        metric, z = self.create(), self.positions().requires_grad_()
        (gradient,) = torch.autograd.grad(metric.log_volume(z).sum(), z)
        torch.testing.assert_close(gradient, metric.grad_log_volume(z.detach()), **TIGHT)

    def test_log_density_and_gradient(self) -> None:
        metric, z = self.create(volume_exponent=0.4), self.positions()
        log_density, gradient = metric.log_density_and_gradient(z)
        torch.testing.assert_close(log_density, 0.4 * reference.log_volume(metric, z), **TIGHT)
        torch.testing.assert_close(metric.log_density(z), log_density, **TIGHT)
        torch.testing.assert_close(gradient, 0.4 * reference.grad_log_volume(metric, z), **TIGHT)

    def test_tensor(self) -> None:
        metric, z = self.create(), self.positions()
        torch.testing.assert_close(metric.tensor(z), reference.tensor(metric, z), **TIGHT)

    def test_inner(self) -> None:
        metric, z, u, v = self.create(), self.positions(), normal(N, DIM, seed=6), normal(N, DIM, seed=7)
        expected = torch.einsum("ni,nij,nj->n", u, reference.tensor(metric, z), v)
        torch.testing.assert_close(metric.inner(z, u, v), expected, **TIGHT)

    def test_overlap(self) -> None:
        metric, z = self.create(), self.positions()
        torch.testing.assert_close(metric.overlap(z), reference.overlap(metric, z), **TIGHT)

    def test_at_a_lone_centroid_the_metric_is_its_precision_and_the_floor(self) -> None:
        metric = self.create(k=1)
        floor = 0.05 * torch.exp(-0.1 * metric.centroids.square().sum())
        expected = self.evaluate(metric.precisions) + floor * torch.eye(DIM, dtype=torch.float64)
        torch.testing.assert_close(metric.tensor(metric.centroids), expected, **TIGHT)

    def test_replace(self) -> None:
        metric, z = self.create(volume_exponent=0.7), self.positions()
        before = metric.log_density(z)
        other = metric.replace(temperature=2.0, regularization=0.5, decay=0.3)
        twin = self.create(volume_exponent=0.7, temperature=2.0, regularization=0.5, decay=0.3)
        assert torch.equal(other.log_density(z), twin.log_density(z))
        assert other.quadratics is metric.quadratics
        assert torch.equal(metric.log_density(z), before)

    def test_centroids_come_in_any_order(self) -> None:
        metric, z = self.create(), self.positions()
        order = torch.tensor([3, 0, 5, 1, 4, 2])
        shuffled = type(metric)(metric.centroids[order], metric.precisions[order], **SCALARS)
        torch.testing.assert_close(shuffled.log_volume(z), metric.log_volume(z), **TIGHT)
        torch.testing.assert_close(shuffled.grad_log_volume(z), metric.grad_log_volume(z), **TIGHT)

    def test_without_a_floor_the_origin_does_not_matter(self) -> None:
        metric, z = self.create(regularization=1e-300), self.positions()
        shift = torch.tensor([30.0, -7.0, 11.0])
        scalars = {**SCALARS, "regularization": 1e-300}
        shifted = type(metric)(metric.centroids + shift, metric.precisions, **scalars)
        torch.testing.assert_close(shifted.log_volume(z + shift), metric.log_volume(z), **TIGHT)
        torch.testing.assert_close(shifted.grad_log_volume(z + shift), metric.grad_log_volume(z), **TIGHT)

    def test_coloured_noise_has_the_covariance_of_the_inverse(self) -> None:
        metric, z = self.create(), self.positions()[:2]
        basis = torch.eye(metric.dim, dtype=torch.float64)
        roots = [metric.colour(z, e.expand_as(z)) for e in basis]  # the columns of a root of G⁻¹, (n, dim) each
        covariance = sum(root[:, :, None] * root[:, None, :] for root in roots)
        torch.testing.assert_close(covariance, torch.linalg.inv(metric.tensor(z)))

    def test_chunked_is_unchunked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        metric, z = self.create(), self.positions()
        whole = metric.log_volume(z), metric.grad_log_volume(z), metric.tensor(z), metric.overlap(z)
        monkeypatch.setattr(chunks_module, "BLOCK_ELEMENTS", 20)  # 3 positions at a time, or 2
        monkeypatch.setattr(chunks_module, "LEAST_ROWS", 1)
        parts = metric.log_volume(z), metric.grad_log_volume(z), metric.tensor(z), metric.overlap(z)
        for part, reference_part in zip(parts, whole, strict=True):
            torch.testing.assert_close(part, reference_part, **TIGHT)

    def test_single_precision(self) -> None:
        metric, z = self.create(), self.positions()
        single = moved(metric, torch.float32)
        for name in ("log_volume", "grad_log_volume", "tensor", "overlap"):
            value = getattr(single, name)(z.float())
            assert value.dtype == torch.float32
            torch.testing.assert_close(value.double(), getattr(metric, name)(z), rtol=1e-4, atol=1e-5)

    def test_no_positions(self) -> None:
        metric, z = self.create(), torch.empty(0, DIM, dtype=torch.float64)
        assert metric.log_volume(z).shape == metric.overlap(z).shape == metric.inner(z, z, z).shape == (0,)
        assert metric.grad_log_volume(z).shape == (0, DIM)
        assert metric.tensor(z).shape == (0, DIM, DIM)

    @pytest.mark.parametrize("name", ["temperature", "regularization", "decay", "volume_exponent"])
    @pytest.mark.parametrize("value", [0.0, -1.0, torch.inf, torch.nan])
    def test_numbers_must_be_positive_and_finite(self, name: str, value: float) -> None:
        with pytest.raises(ArgumentError, match=rf"{name} must be positive and finite, got {value}\."):
            self.create(**{name: value})

    @pytest.mark.usefixtures("without_type_checks")
    @pytest.mark.parametrize("name", ["temperature", "regularization", "decay", "volume_exponent"])
    @pytest.mark.parametrize("value", [True, "1", None])
    def test_numbers_must_be_numbers(self, name: str, value: Any) -> None:
        message = rf"{name} must be a number, got {value!r} of type {type(value).__name__}\."
        with pytest.raises(ArgumentTypeError, match=message):
            self.create(**{name: value})

    def test_replaced_numbers_are_checked(self) -> None:
        with pytest.raises(ArgumentError, match=r"decay must be positive and finite, got -2\.0\."):
            self.create().replace(temperature=1.0, regularization=1.0, decay=-2.0)

    @pytest.mark.parametrize("which", ["centroids", "precisions"])
    def test_tensors_must_be_finite(self, which: str) -> None:
        metric = self.create()
        tensors = {"centroids": metric.centroids.clone(), "precisions": metric.precisions.clone()}
        tensors[which][2, 1] = torch.nan
        tensors[which][4, 0] = torch.inf
        message = rf"{which} must be finite, but 2 of 6 rows are not, the first is row 2\."
        with pytest.raises(ArgumentError, match=message):
            type(metric)(**tensors, **SCALARS)

    def test_shapes_must_match(self) -> None:
        metric = self.create()
        with pytest.raises(ArgumentError, match=r"precisions must have shape \(5, 3.*\) to match .*, got \(6, 3.*\)\."):
            type(metric)(metric.centroids[:5], metric.precisions, **SCALARS)

    @pytest.mark.usefixtures("without_type_checks")
    @pytest.mark.parametrize("bad", [torch.zeros(3), torch.zeros(0, 3), torch.zeros(2, 0), torch.zeros(1, 2, 3)])
    def test_centroids_must_be_a_matrix(self, bad: Tensor) -> None:
        shape = str(tuple(bad.shape)).replace("(", r"\(").replace(")", r"\)")
        with pytest.raises(ArgumentError, match=rf"centroids must have shape \(rows, dim\), .* got {shape}\."):
            type(self.create())(bad, bad, **SCALARS)

    @pytest.mark.usefixtures("without_type_checks")
    @pytest.mark.parametrize(
        ("bad", "kind"), [(torch.zeros(2, 3, dtype=torch.int64), "torch.int64"), ([[0.0]], "list")]
    )
    def test_centroids_must_be_floating_point(self, bad: Any, kind: str) -> None:
        with pytest.raises(ArgumentTypeError, match=rf"centroids must be a floating-point tensor, got {kind}\."):
            type(self.create())(bad, torch.ones(2, 3), **SCALARS)

    @pytest.mark.usefixtures("without_type_checks")
    @pytest.mark.parametrize("shape", [(DIM,), (4, DIM + 1), (4, DIM, 1)])
    def test_positions_must_match(self, shape: tuple[int, ...]) -> None:
        message = r"z must have shape \(n, 3\), got \(" + ", ".join(map(str, shape))
        for name in ("log_volume", "grad_log_volume", "tensor", "overlap"):
            with pytest.raises(ArgumentError, match=message):
                getattr(self.create(), name)(torch.zeros(shape, dtype=torch.float64))


class TestDiagonalMetric(MetricTests):
    def create(self, **arguments: Any) -> Metric:
        return diagonal_metric(dim=DIM, **arguments)

    def evaluate(self, precisions: Tensor) -> Tensor:
        return torch.diag_embed(precisions)

    def test_a_negative_precision_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match=r"precisions must be positive, the smallest is -0\.5\."):
            DiagonalMetric(torch.zeros(2, 2), torch.tensor([[1.0, 2.0], [-0.5, 1.0]]), **SCALARS)


class TestFullMetric(MetricTests):
    def create(self, **arguments: Any) -> Metric:
        return full_metric(dim=DIM, **arguments)

    def evaluate(self, precisions: Tensor) -> Tensor:
        return precisions

    def test_an_indefinite_precision_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match=r"precisions\[1\] is not symmetric positive definite"):
            FullMetric(torch.zeros(2, 2), torch.stack([torch.eye(2), -torch.eye(2)]), **SCALARS)

    def test_rotation(self) -> None:
        metric, z = self.create(), self.positions()
        Q, _ = torch.linalg.qr(normal(DIM, DIM, seed=8))
        rotated = FullMetric(metric.centroids @ Q.T, Q @ metric.precisions @ Q.T, **SCALARS)
        torch.testing.assert_close(rotated.log_volume(z @ Q.T), metric.log_volume(z), **TIGHT)
        torch.testing.assert_close(rotated.grad_log_volume(z @ Q.T), metric.grad_log_volume(z) @ Q.T, **TIGHT)
        torch.testing.assert_close(rotated.tensor(z @ Q.T), Q @ metric.tensor(z) @ Q.T, **TIGHT)

    def test_diagonal_precisions_make_the_diagonal_metric(self) -> None:
        diagonal, z = diagonal_metric(dim=DIM), self.positions()
        full = FullMetric(diagonal.centroids, torch.diag_embed(diagonal.precisions), **SCALARS)
        for name in ("log_volume", "grad_log_volume", "tensor", "overlap"):
            torch.testing.assert_close(getattr(full, name)(z), getattr(diagonal, name)(z), **TIGHT)


def test_row_chunks_are_the_rows_and_stay_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_module, "BLOCK_ELEMENTS", 20)
    monkeypatch.setattr(chunks_module, "LEAST_ROWS", 1)
    z = normal(11, 2)
    for row_elements in (1, 6, 20, 1000):
        chunks = list(row_chunks(z, row_elements))
        assert torch.equal(torch.cat(chunks), z)
        assert all(len(chunk) == 1 or len(chunk) * row_elements <= 20 for chunk in chunks)
    assert [len(chunk) for chunk in row_chunks(z[:0], 6)] == [0]
