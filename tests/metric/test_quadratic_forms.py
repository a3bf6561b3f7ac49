"""Both structures of quadratic forms against dense loops, by one set of tests."""

from abc import ABC, abstractmethod

import pytest
import torch
from torch import Tensor

from riemann_sampler.errors import ArgumentError
from riemann_sampler.metric.quadratic_forms import DiagonalQuadratics, FullQuadratics, Quadratics
from tests.helpers import reference
from tests.helpers.builders import normal, precision_diagonals, precision_matrices

K, N, DIM = 5, 4, 3


class QuadraticsTests(ABC):
    """What holds for every structure; a structure says how to make one, and what its coefficients mean."""

    @abstractmethod
    def create(self) -> tuple[Tensor, Tensor]:
        """Centroids and precisions of the structure."""

    @abstractmethod
    def evaluate(self, coefficients: Tensor) -> Tensor:
        """Dense matrices of rows of coefficients."""

    structure: type[Quadratics]

    def quadratics(self) -> Quadratics:
        return self.structure(*self.create())

    def positive_definite(self) -> Tensor:
        """Coefficients of N positive definite matrices of the structure."""
        return normal(N, K, seed=7).exp() @ self.quadratics().coefficients

    @pytest.mark.parametrize("scale", [1.0, -0.3])
    def test_call(self, scale: float) -> None:
        z = 2 * normal(N, DIM, seed=3)
        torch.testing.assert_close(self.quadratics()(z, scale), scale * reference.squares(*self.create(), z))

    def test_call_keeps_its_precision_far_from_the_origin(self) -> None:
        centroids, precisions = self.create()
        z = centroids[:N] + 0.1
        expected = reference.squares(centroids, precisions, z)
        far = self.structure(centroids + 1e4, precisions)(z + 1e4)
        torch.testing.assert_close(far, expected, rtol=1e-9, atol=1e-10)

    def test_precisions(self) -> None:
        _, precisions = self.create()
        torch.testing.assert_close(self.quadratics().precisions, precisions, rtol=0, atol=1e-15)

    def test_log_det(self) -> None:
        expected = torch.logdet(reference.dense(self.create()[1]))
        torch.testing.assert_close(self.quadratics().log_det, expected)

    def test_variances(self) -> None:
        covariances = torch.linalg.inv(reference.dense(self.create()[1]))
        torch.testing.assert_close(self.quadratics().variances, covariances.diagonal(dim1=1, dim2=2))

    def test_identity(self) -> None:
        unit = torch.eye(DIM, dtype=torch.float64)
        assert torch.equal(self.evaluate(self.quadratics().identity[None])[0], unit)

    def test_dense(self) -> None:
        coefficients = self.positive_definite()
        torch.testing.assert_close(self.quadratics().dense(coefficients), self.evaluate(coefficients))

    def test_features_and_expansion_make_the_squares(self) -> None:
        quadratics, z = self.quadratics(), 2 * normal(N, DIM, seed=3)
        squares = quadratics.constant.T + quadratics.features(z) @ quadratics.expansion.T
        torch.testing.assert_close(squares, reference.squares(*self.create(), z))

    def test_multiply(self) -> None:
        coefficients, v = self.positive_definite(), normal(N, DIM, seed=5)
        expected = torch.stack([A @ x for A, x in zip(self.evaluate(coefficients), v, strict=True)])
        torch.testing.assert_close(self.quadratics().multiply(coefficients, v), expected)

    def test_monomials_turn_coefficients_into_squares(self) -> None:
        coefficients, z = self.positive_definite(), normal(N, DIM, seed=5)
        expected = torch.stack([x @ A @ x for A, x in zip(self.evaluate(coefficients), z, strict=True)])
        torch.testing.assert_close((coefficients * self.quadratics().monomials(z)).sum(1), expected)

    def test_log_det_and_inverse(self) -> None:
        coefficients = self.positive_definite()
        log_det, inverse = self.quadratics().log_det_and_inverse(coefficients)
        torch.testing.assert_close(log_det, torch.logdet(self.evaluate(coefficients)))
        torch.testing.assert_close(self.evaluate(inverse), torch.linalg.inv(self.evaluate(coefficients)))

    def test_coloured_noise_has_the_covariance(self) -> None:
        index = torch.arange(K).repeat_interleave(DIM)
        unit = torch.eye(DIM, dtype=torch.float64).repeat(K, 1)
        factors = self.quadratics().colour(index, unit).reshape(K, DIM, DIM)  # rows A eᵢ, with A Aᵀ = Σ
        covariances = torch.linalg.inv(reference.dense(self.create()[1]))
        torch.testing.assert_close(factors.mT @ factors, covariances)

    def test_single_precision_is_kept(self) -> None:
        centroids, precisions = self.create()
        z = normal(N, DIM, seed=3)
        single = self.structure(centroids.float(), precisions.float())(z.float())
        assert single.dtype == torch.float32
        torch.testing.assert_close(single.double(), reference.squares(centroids, precisions, z), rtol=1e-5, atol=1e-5)


class TestDiagonalQuadratics(QuadraticsTests):
    structure = DiagonalQuadratics

    def create(self) -> tuple[Tensor, Tensor]:
        return normal(K, DIM, seed=1), precision_diagonals(K, DIM, seed=2)

    def evaluate(self, coefficients: Tensor) -> Tensor:
        return torch.diag_embed(coefficients)

    @pytest.mark.parametrize("bad", [0.0, -2.5, torch.nan])
    def test_precisions_must_be_positive(self, bad: float) -> None:
        centroids, precisions = self.create()
        precisions[2, 1] = bad
        with pytest.raises(ArgumentError, match=rf"precisions must be positive, the smallest is {bad:.3g}\."):
            DiagonalQuadratics(centroids, precisions)


class TestFullQuadratics(QuadraticsTests):
    structure = FullQuadratics

    def create(self) -> tuple[Tensor, Tensor]:
        return normal(K, DIM, seed=1), precision_matrices(K, DIM, seed=2)

    def evaluate(self, coefficients: Tensor) -> Tensor:
        return coefficients.reshape(-1, DIM, DIM)

    def test_an_indefinite_precision_is_refused(self) -> None:
        centroids, precisions = self.create()
        precisions[3] -= 10 * torch.eye(DIM)
        with pytest.raises(ArgumentError, match=r"precisions\[3\] is not symmetric positive definite; add a multiple"):
            FullQuadratics(centroids, precisions)

    def test_an_asymmetric_precision_is_refused(self) -> None:
        centroids, precisions = self.create()
        precisions[2, 0, 1] += 0.01 * precisions[2].abs().max()
        with pytest.raises(ArgumentError, match=r"precisions\[2\] is not symmetric positive definite"):
            FullQuadratics(centroids, precisions)

    def test_rounding_asymmetry_is_mended(self) -> None:
        centroids, precisions = self.create()
        precisions[2, 0, 1] += 1e-6
        mended = FullQuadratics(centroids, precisions).precisions
        assert torch.equal(mended, mended.mT)

    def test_matrices_that_lost_definiteness_give_nan_and_spare_the_others(self) -> None:
        coefficients = self.positive_definite()
        coefficients[1] *= -1
        log_det, inverse = self.quadratics().log_det_and_inverse(coefficients)
        assert log_det.isnan().tolist() == [False, True, False, False]
        assert inverse.isnan().all(1).tolist() == inverse.isnan().any(1).tolist() == [False, True, False, False]
