"""The classifiers that judge synthetic rows."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from riemann_sampler.augmentation.classifiers import BATCH_SIZE, LEAST_PASSES, N_STEPS, fit_balanced, small_net


@pytest.mark.parametrize("n", [3, 64, 65, 1_000, 50_000])
def test_the_net_takes_a_number_of_steps(n: int) -> None:
    net = small_net(n, seed=1)
    per_pass = -(-n // BATCH_SIZE)
    assert net.max_iter >= LEAST_PASSES
    assert N_STEPS <= net.max_iter * per_pass < N_STEPS + per_pass or net.max_iter == LEAST_PASSES
    assert net.n_iter_no_change == net.max_iter
    assert net.batch_size == min(n, BATCH_SIZE)


def test_the_net_learns_without_warnings() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 2))
    y = np.where((x[:, 0] > 0) ^ (x[:, 1] > 0), "yes", "no")
    net = fit_balanced(small_net(90, seed=0), x, y)
    assert net.score(x, y) > 0.9
    assert np.array_equal(net.predict(x), fit_balanced(small_net(90, seed=0), x, y).predict(x))


def test_small_classes_weigh_as_much_as_large_ones() -> None:
    x, y = np.arange(13.0)[:, None], np.repeat(["a", "b", "c"], [2, 10, 1])
    prior = fit_balanced(DummyClassifier(strategy="prior"), x, y)
    assert prior.class_prior_ == pytest.approx([1 / 3] * 3)


def test_every_row_of_a_class_is_repeated_alike() -> None:
    seen = []

    class Recorder(LogisticRegression):
        def fit(self, x: np.ndarray, y: np.ndarray) -> "Recorder":
            seen.append((x[:, 0].tolist(), y.tolist()))
            return self

    fit_balanced(Recorder(), np.array([[1.0], [2.0], [3.0], [4.0], [5.0]]), np.array([0, 1, 1, 1, 0]))
    assert sorted(zip(*seen[0], strict=True)) == [(1, 0), (1, 0), (2, 1), (3, 1), (4, 1), (5, 0)]
