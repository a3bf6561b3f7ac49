"""Authenticity and data copying: counts by hand, closed forms, and SciPy's Mann–Whitney test."""

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, norm
from sklearn.neighbors import NearestNeighbors

from benchmarks import scores
from benchmarks.scores.memorisation import mann_whitney_z
from tests.helpers.score_features import normal


class TestAuthenticity:
    def test_counted_by_hand(self) -> None:
        train = np.array([[0.0], [1], [3]])  # nearest others at 1, 1, 2
        generated = np.array([[0.1], [-1.5], [1.9], [5], [5.5]])  # from nearest: 0.1, 1.5, 0.9, 2, 2.5
        assert scores.authenticity(train, generated) == 2 / 5

    @pytest.mark.parametrize("shift", [0.0, 1e4])
    def test_training_data_are_copies(self, shift: float) -> None:
        train = normal(50, 3, 0, shift=shift)
        assert scores.authenticity(train, train) == 0
        assert scores.authenticity(train, train[:7]) == 0
        assert scores.authenticity(train, train + 100) == 1

    @pytest.mark.parametrize("shift", [0.0, 1e4 / 3])
    def test_twins_in_the_training_data(self, shift: float) -> None:
        train = np.array([[0.0], [0], [5]]) + shift
        assert scores.authenticity(train, np.array([[0.0], [0.1]]) + shift) == 1 / 2

    @pytest.mark.parametrize(("dim", "mutual"), [(1, 2 / 3), (2, 6 * np.pi / (8 * np.pi + 3 * np.sqrt(3)))])
    def test_fresh_draws_are_copies_when_nearest_to_each_other(self, dim: int, mutual: float) -> None:
        """In a Poisson process a point is its nearest neighbour's nearest with this probability (Pickard 1982)."""
        rng = np.random.default_rng(3)
        n = 8_000
        error = np.sqrt(mutual * (1 - mutual) / n)
        found = scores.authenticity(rng.random((n, dim)), rng.random((n, dim)))
        assert found == pytest.approx(1 - mutual, abs=5 * error)


class TestMannWhitney:
    def test_by_hand(self) -> None:
        """1 > 0, 2 > 0 and the tie of 2: U = 2.5 where 3 is the mean and 2·3·(2 + 3 + 1)/12 the variance."""
        assert mann_whitney_z(np.array([1.0, 2]), np.array([3.0, 0, 2])) == pytest.approx(-0.5 / np.sqrt(3))

    @pytest.mark.parametrize("shift", [-0.3, 0.5])
    def test_agrees_with_scipy(self, shift: float) -> None:
        a, b = normal(60, 1, 0, shift=shift)[:, 0], normal(90, 1, 1)[:, 0]
        p = mannwhitneyu(a, b, alternative="less", method="asymptotic", use_continuity=False).pvalue
        assert mann_whitney_z(a, b) == pytest.approx(norm.ppf(p), rel=1e-8)


def z_of_distances(train: np.ndarray, heldout: np.ndarray, generated: np.ndarray) -> float:
    """SciPy's z-score of scikit-learn's distances."""
    near_generated, near_heldout = (
        NearestNeighbors(n_neighbors=1).fit(train).kneighbors(x)[0][:, 0] for x in (generated, heldout)
    )
    test = mannwhitneyu(near_generated, near_heldout, alternative="less", method="asymptotic", use_continuity=False)
    return float(norm.ppf(test.pvalue))


def far(x: np.ndarray) -> np.ndarray:
    """The same points in another region."""
    return x + 1000


class TestDataCopying:
    """Held-out data of less than 400 points make one cell, of 400 two: here the two regions."""

    train = np.concatenate([normal(100, 4, 0), far(normal(100, 4, 1))])
    heldout = np.concatenate([normal(300, 4, 2), far(normal(100, 4, 3))])
    near_copies = normal(100, 4, 0) + normal(100, 4, 4, scale=0.35)
    wide = far(normal(60, 4, 5, scale=1.3))

    def test_one_cell_is_the_test_of_all_distances(self) -> None:
        train, heldout = normal(150, 4, 0), normal(300, 4, 1)
        for generated in (normal(200, 4, 2), normal(200, 4, 3, scale=1.2), train + normal(150, 4, 4, scale=0.4)):
            expected = z_of_distances(train, heldout, generated)
            assert abs(expected) < 7  # further out, the probability has no digits
            assert scores.data_copying(train, heldout, generated) == pytest.approx(expected, rel=1e-6)

    def test_the_sign_tells_copies(self) -> None:
        train, heldout = normal(500, 4, 0), normal(500, 4, 1)
        assert scores.data_copying(train, heldout, train) < -10
        assert scores.data_copying(train, heldout, train + normal(500, 4, 2, scale=0.1)) < -10
        assert abs(scores.data_copying(train, heldout, normal(500, 4, 3))) < 3
        assert scores.data_copying(train, heldout, normal(500, 4, 3, shift=3)) > 10

    def test_cells_weigh_as_much_as_their_heldout_data(self) -> None:
        generated = np.concatenate([self.near_copies, self.wide])
        here = z_of_distances(self.train[:100], self.heldout[:300], self.near_copies)
        there = z_of_distances(self.train[100:], self.heldout[300:], self.wide)
        assert here < -1 < 1 < there
        expected = (3 * here + there) / 4
        assert scores.data_copying(self.train, self.heldout, generated) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize(("n_there", "counts"), [(19, False), (20, True)])
    def test_cells_of_few_generated_points_are_left_out(self, n_there: int, *, counts: bool) -> None:
        generated = np.concatenate([self.near_copies, self.wide[:n_there]])
        here = z_of_distances(self.train[:100], self.heldout[:300], self.near_copies)
        there = z_of_distances(self.train[100:], self.heldout[300:], self.wide[:n_there])
        expected = (3 * here + there) / 4 if counts else here
        assert scores.data_copying(self.train, self.heldout, generated) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("n_there", [19, 20])
    def test_all_space_is_one_cell_where_none_has_enough(self, n_there: int) -> None:
        """All generated points where there are 19 held-out ones; with 20 the cell counts."""
        heldout = np.concatenate([normal(400 - n_there, 4, 2), far(normal(n_there, 4, 3))])
        expected = z_of_distances(self.train, heldout if n_there < 20 else heldout[-n_there:], self.wide)
        assert scores.data_copying(self.train, heldout, self.wide) == pytest.approx(expected, rel=1e-6)

    def test_takes_as_many_generated_as_there_are_heldout_points(self) -> None:
        train, heldout, generated = normal(100, 4, 0), normal(90, 4, 1), normal(90, 4, 2)
        found = scores.data_copying(train, heldout, np.concatenate([generated, train]))
        assert found == scores.data_copying(train, heldout, generated)

    def test_the_partition_is_random_by_the_seed_alone(self) -> None:
        arguments = normal(500, 2, 0), normal(2000, 2, 1), normal(2000, 2, 2)
        found = [scores.data_copying(*arguments, seed=seed) for seed in (0, 0, 1)]
        assert found[0] == found[1] != found[2]
