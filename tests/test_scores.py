"""The scores against other implementations, closed forms and cases counted by hand."""

import numpy as np
import pytest
from prdc import compute_prdc
from scipy.linalg import sqrtm
from sklearn import config_context

from benchmarks import scores


def normal(n: int, dim: int, seed: int, *, shift: float = 0.0, scale: float = 1.0) -> np.ndarray:
    return shift + scale * np.random.default_rng(seed).normal(size=(n, dim))


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


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6])
def test_agrees_with_prdc(name: str, k: int, scale: float) -> None:
    real, generated = normal(90, 4, 0), normal(140, 4, 1, shift=0.3, scale=scale)
    expected = compute_prdc(real, generated, nearest_k=k)[name]
    assert expected > 0
    assert getattr(scores, name)(real, generated, k) == pytest.approx(expected, rel=1e-12)


def test_five_neighbours_unless_told() -> None:
    real, generated = normal(90, 4, 0), normal(140, 4, 1)
    for name, expected in compute_prdc(real, generated, nearest_k=5).items():
        assert getattr(scores, name)(real, generated) == pytest.approx(expected, rel=1e-12)


class TestAuthenticity:
    def test_counted_by_hand(self) -> None:
        train = np.array([[0.0], [1], [3]])  # nearest others at 1, 1, 2
        generated = np.array([[0.1], [-1.5], [1.9], [5], [5.5]])  # from nearest: 0.1, 1.5, 0.9, 2, 2.5
        assert scores.authenticity(train, generated) == 2 / 5

    def test_training_data_are_copies(self) -> None:
        train = normal(50, 3, 0)
        assert scores.authenticity(train, train) == 0
        assert scores.authenticity(train, train[:7]) == 0
        assert scores.authenticity(train, train + 100) == 1

    def test_twins_in_the_training_data(self) -> None:
        train = np.array([[0.0], [0], [5]])
        assert scores.authenticity(train, np.array([[0.0], [0.1]])) == 1 / 2

    @pytest.mark.parametrize(("dim", "mutual"), [(1, 2 / 3), (2, 6 * np.pi / (8 * np.pi + 3 * np.sqrt(3)))])
    def test_fresh_draws_are_copies_when_nearest_to_each_other(self, dim: int, mutual: float) -> None:
        """In a Poisson process a point is its nearest neighbour's nearest with this probability (Pickard 1982)."""
        rng = np.random.default_rng(3)
        n = 20_000
        error = np.sqrt(mutual * (1 - mutual) / n)
        found = scores.authenticity(rng.random((n, dim)), rng.random((n, dim)))
        assert found == pytest.approx(1 - mutual, abs=5 * error)


def test_score_compares_with_the_right_data() -> None:
    generated, heldout, train = normal(60, 3, 0), normal(50, 3, 1, shift=1.0), normal(80, 3, 2, shift=-0.7)
    found = scores.score(generated, heldout=heldout, train=train)
    assert found.authenticity == scores.authenticity(train, generated)
    for name in ("frechet_distance", "precision", "recall", "density", "coverage"):
        assert getattr(found, name) == getattr(scores, name)(heldout, generated)
        assert getattr(found, name) != getattr(scores, name)(train, generated)
        assert name in ("frechet_distance",) or getattr(found, name) != getattr(scores, name)(generated, heldout)


def test_blocks_of_distances_change_nothing() -> None:
    real, generated = normal(300, 4, 0), normal(400, 4, 1)
    whole = scores.density(real, generated)
    with config_context(working_memory=0.01):
        assert scores.density(real, generated) == whole
