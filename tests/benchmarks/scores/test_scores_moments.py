"""Fréchet and kernel distance against torchmetrics, closed forms and sums taken by hand."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from benchmarks import scores
from benchmarks.scores import distances
from tests.helpers.score_features import normal


def with_moments(n: int, mean: np.ndarray, covariance: np.ndarray, seed: int = 0) -> np.ndarray:
    """Points with exactly this mean and (unbiased) covariance."""
    x = normal(n, len(mean), seed)
    x -= x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(x.T)))).T
    return mean + white @ np.linalg.cholesky(covariance).T


def rotation(dim: int, seed: int = 5) -> np.ndarray:
    return np.linalg.qr(normal(dim, dim, seed))[0]


def textbook_frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    covariance_a, covariance_b = np.cov(a.T), np.cov(b.T)
    root = sqrtm(covariance_a @ covariance_b).real
    return np.square(a.mean(0) - b.mean(0)).sum() + np.trace(covariance_a + covariance_b - 2 * root)


class FeaturesAsTheyAre(nn.Module):
    """Stands where torchmetrics has its Inception network."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class TestFrechetDistance:
    def test_is_that_of_normals_with_commuting_covariances(self) -> None:
        Q, mean_a, mean_b = rotation(4), np.array([1.0, 2, 3, 4]), np.array([0.0, 2, 5, 4])
        widths_a, widths_b = np.array([1.0, 2, 3, 0.5]), np.array([2.0, 2, 0.1, 4])
        a = with_moments(50, mean_a, Q @ np.diag(widths_a**2) @ Q.T)
        b = with_moments(70, mean_b, Q @ np.diag(widths_b**2) @ Q.T, seed=1)
        expected = np.square(mean_a - mean_b).sum() + np.square(widths_a - widths_b).sum()
        assert scores.frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)

    def test_equals_the_textbook_formula(self) -> None:
        a, b = normal(200, 10, 0) @ normal(10, 10, 1), normal(150, 10, 2, shift=0.3) @ normal(10, 10, 3)
        assert scores.frechet_distance(a, b) == pytest.approx(textbook_frechet_distance(a, b), rel=1e-6)

    def test_agrees_with_torchmetrics(self) -> None:
        a, b = normal(200, 6, 0) @ normal(6, 6, 1), normal(150, 6, 2, shift=0.3) @ normal(6, 6, 3)
        metric = FrechetInceptionDistance(FeaturesAsTheyAre(6)).set_dtype(torch.float64)
        metric.update(torch.from_numpy(a), real=True)
        metric.update(torch.from_numpy(b), real=False)
        assert scores.frechet_distance(a, b) == pytest.approx(metric.compute().item(), rel=1e-8)

    def test_does_not_mind_singular_covariances(self) -> None:
        a = np.zeros((30, 6))
        b = np.zeros((40, 6))
        a[:, :1] = with_moments(30, np.zeros(1), np.array([[9.0]]))
        b[:, 5:] = with_moments(40, np.zeros(1), np.array([[16.0]]))
        assert scores.frechet_distance(a, b) == pytest.approx(25.0, rel=1e-12)
        few = normal(4, 6, 0)
        assert scores.frechet_distance(few, few + 2.0) == pytest.approx(24.0, rel=1e-12)

    def test_is_zero_for_the_same_moments_only(self) -> None:
        a = normal(100, 5, 0)
        assert scores.frechet_distance(a, a[::-1]) == pytest.approx(0.0, abs=1e-12)
        assert scores.frechet_distance(a, 1.1 * a) > 1e-2

    def test_keeps_its_digits_in_float32(self) -> None:
        a, b = normal(100, 5, 0, shift=1e4).astype(np.float32), normal(100, 5, 1, shift=1e4).astype(np.float32)
        expected = textbook_frechet_distance(a.astype(np.float64), b.astype(np.float64))
        assert scores.frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


class TestKernelDistance:
    def test_summed_by_hand(self) -> None:
        """One feature: (xy + 1)³ is 1 within a; 27, 64, 343 within b; 1, 1, 1, 8, 27, 64 between them."""
        a, b = np.array([[0.0], [1]]), np.array([[1.0], [2], [3]])
        expected = 1 + 434 / 3 - 2 * 102 / 6
        assert scores.kernel_distance(a, b) == pytest.approx(expected, rel=1e-14)
        assert scores.kernel_distance(b, a) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance` will save all:UserWarning")
    def test_agrees_with_torchmetrics(self) -> None:
        a, b = normal(150, 6, 0), normal(150, 6, 2, shift=0.3)
        metric = KernelInceptionDistance(FeaturesAsTheyAre(6), subsets=1, subset_size=150)
        metric.update(torch.from_numpy(a), real=True)
        metric.update(torch.from_numpy(b), real=False)
        with torch.random.fork_rng(devices=[]):
            expected = metric.compute()[0].item()
        assert scores.kernel_distance(a, b) == pytest.approx(expected, rel=1e-5)  # theirs is in float32

    def test_has_no_bias(self) -> None:
        found = [scores.kernel_distance(normal(20, 3, 2 * i), normal(30, 3, 2 * i + 1)) for i in range(400)]
        error = np.std(found) / np.sqrt(len(found))
        assert min(found) < 0
        assert np.mean(found) == pytest.approx(0, abs=4 * error)
        assert error < 0.05

    def test_blocks_change_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        a, b = normal(70, 4, 0), normal(90, 4, 1, shift=0.5)
        whole = scores.kernel_distance(a, b)
        monkeypatch.setattr(distances, "BLOCK_ELEMENTS", 200)
        assert scores.kernel_distance(a, b) == pytest.approx(whole, rel=1e-12)
