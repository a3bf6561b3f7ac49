"""Precision and recall of distributions: curves by hand, and clusters that cannot be mistaken."""

import numpy as np
import pytest

from benchmarks import scores
from benchmarks.scores import prd
from benchmarks.scores.prd import PRDCurve, f_scores, prd_curve
from tests.helpers.score_features import normal

HALF = (65 * 0.5 / 64.5, 65 * 0.5 / 33)
"""F8 and F1/8 of precision 1 and recall 0.5: by definition (1 + β²) p r / (β² p + r)."""


class TestCurve:
    def test_halves_by_hand(self) -> None:
        """min(λ/2, 1) where the generated data have but one of two equal states."""
        real, generated = np.array([0.5, 0.5]), np.array([1.0, 0.0])
        slopes = np.tan(np.linspace(0, np.pi / 2, 1001))
        curve = prd_curve(real, generated)
        assert len(curve.precision) == 1001
        np.testing.assert_allclose(curve.precision[1:-1], np.minimum(slopes / 2, 1)[1:-1], atol=1e-6)
        np.testing.assert_allclose(curve.recall[1:-1], np.minimum(0.5, 1 / slopes[1:-1]), atol=1e-6)
        np.testing.assert_allclose([*curve.precision[[0, -1]], *curve.recall[[0, -1]]], [0, 1, 0.5, 0], atol=1e-9)
        backwards = prd_curve(generated, real)
        np.testing.assert_allclose(backwards.precision, curve.recall[::-1], atol=1e-6)

    def test_is_not_above_one(self) -> None:
        shares = np.full(20, 1 / 20) * (1 + 1e-15)
        curve = prd_curve(shares, shares)
        assert max(curve.precision.max(), curve.recall.max()) == 1
        assert f_scores(curve) == pytest.approx((1, 1), abs=1e-12)


class TestFScores:
    def test_f8_weighs_recall(self) -> None:
        curve = PRDCurve(np.array([0.0, 1.0, 0.1]), np.array([0.5, 0.5, 0.2]))
        assert f_scores(curve) == pytest.approx(HALF)
        assert f_scores(PRDCurve(curve.recall, curve.precision)) == pytest.approx(HALF[::-1])

    def test_nothing_shared(self) -> None:
        assert f_scores(prd_curve(np.array([0.3, 0.7, 0]), np.array([0.0, 0, 1]))) == (0, 0)


def blobs(which: list[int], n: int, seed: int) -> np.ndarray:
    """``n`` points in each of these of 20 tight blobs, blob by blob."""
    centres = 100 * np.stack(np.divmod(np.arange(20), 5), 1)
    return np.repeat(centres[which], n, axis=0) + normal(len(which) * n, 2, seed)


class TestClusters:
    def test_half_of_the_blobs(self) -> None:
        real, half = blobs(list(range(20)), 30, 0), blobs(list(range(10)), 60, 1)
        assert scores.prd_f_scores(real, half) == pytest.approx(HALF, abs=0.03)
        assert scores.prd_f_scores(half, real) == pytest.approx(HALF[::-1], abs=0.03)

    def test_the_same_and_nothing_shared(self) -> None:
        real = blobs(list(range(10)), 30, 0)
        assert scores.prd_f_scores(real, real) == pytest.approx((1, 1), abs=1e-12)
        assert scores.prd_f_scores(real, blobs(list(range(10, 20)), 30, 1)) == (0, 0)

    def test_the_larger_set_is_thinned_at_random(self) -> None:
        real, generated = blobs(list(range(20)), 100, 0), blobs(list(range(20)), 10, 1)
        for found in (scores.prd_f_scores(real, generated), scores.prd_f_scores(generated, real)):
            assert min(found) > 0.95  # the first tenth of the larger set is two blobs

    def test_random_by_the_seed_alone(self) -> None:
        real, generated = normal(200, 3, 0), normal(200, 3, 1, scale=0.5)
        found = scores.prd_f_scores(real, generated, seed=3)
        assert scores.prd_f_scores(real, generated, seed=3) == found
        assert scores.prd_f_scores(real, generated, seed=4) != found

    def test_is_of_the_mean_curve_of_ten_clusterings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Here by turns into halves that split the real data and halves that split the generated ones."""
        seeds: list[int] = []

        class Halves:
            def __init__(self, n_clusters: int, *, n_init: int, random_state: int) -> None:
                assert (n_clusters, n_init) == (20, 3)
                seeds.append(random_state)

            def fit_predict(self, x: np.ndarray) -> np.ndarray:
                is_generated, is_odd = x[:, 0] > 50, x[:, 0] % 2 > 0
                return np.where(is_generated == len(seeds) % 2, is_odd, 0)

        monkeypatch.setattr(prd, "MiniBatchKMeans", Halves)
        found = scores.prd_f_scores(np.arange(20.0)[:, None], np.arange(100.0, 120)[:, None])
        one, half = np.array([1.0, 0]), np.array([0.5, 0.5])
        curves = prd_curve(one, half), prd_curve(half, one)
        assert found == pytest.approx(tuple(f_scores(PRDCurve(*np.mean(curves, axis=0)))))
        assert found[0] < np.mean(HALF) - 0.005  # the mean of the scores is larger
        assert len(set(seeds)) == len(seeds) == 10
