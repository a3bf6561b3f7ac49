"""k-medoids: the best there are on small problems, shapes that k-means cannot cut, and scikit-learn's conventions."""

import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import make_circles, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import euclidean_distances

from riemann_sampler import DiagonalMetric
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, ConvergenceWarning, NotFittedError
from riemann_sampler.geometry import ConformalMetric, InverseMetric, LineElement
from riemann_sampler.geometry.statistics import fasterpam as pam
from riemann_sampler.geometry.statistics import kmedoids as medoids_module
from riemann_sampler.geometry.statistics.fasterpam import Medoids, k_medoids
from riemann_sampler.geometry.statistics.kmedoids import RiemannianKMedoids
from riemann_sampler.metric.metric import Metric
from tests.helpers.builders import diagonal_metric, normal
from tests.helpers.geometries import SKEW, constant_metric


def random_distances(n: int, seed: int) -> np.ndarray:
    return euclidean_distances(normal(n, 2, seed=seed).numpy())


def solved(distances: np.ndarray, n_clusters: int, *, max_sweeps: int = 100, n_starts: int = 30) -> Medoids:
    random = np.random.RandomState(0)
    return k_medoids(distances, n_clusters, max_sweeps=max_sweeps, n_starts=n_starts, random=random)


def least_loss(distances: np.ndarray, n_clusters: int) -> float:
    """By all subsets."""
    subsets = itertools.combinations(range(len(distances)), n_clusters)
    return min(distances[list(subset)].min(0).sum() for subset in subsets)


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 4, 11])
def test_medoids_are_the_best_of_all_subsets(n_clusters: int) -> None:
    for seed in range(10):
        distances = random_distances(11, seed)
        found = solved(distances, n_clusters)
        assert found.converged
        assert found.loss == pytest.approx(least_loss(distances, n_clusters), rel=1e-12, abs=1e-12)
        assert distances[found.indices].min(0).sum() == pytest.approx(found.loss, rel=1e-12, abs=1e-12)
        assert np.array_equal(found.label, distances[found.indices].argmin(0))


def test_a_lone_start_ends_where_no_swap_lowers_the_loss() -> None:
    distances = random_distances(60, seed=3)
    found = solved(distances, 5, n_starts=1)
    others = sorted(set(range(60)) - set(found.indices.tolist()))
    swapped = [np.r_[np.delete(found.indices, i), x] for i in range(5) for x in others]
    assert min(distances[indices].min(0).sum() for indices in swapped) >= found.loss
    assert solved(distances, 5).loss <= found.loss


def test_seeds_are_spread() -> None:
    """Drawn by distance, hardly ever two fall into one of several far clusters."""
    positions = np.repeat(1e6 * np.arange(6), 20) + np.arange(120)
    distances = np.abs(np.subtract.outer(positions, positions))
    for seed in range(20):
        seeds = pam._seeds(distances, 6, np.random.RandomState(seed))
        assert sorted(seeds // 20) == list(range(6))


def test_more_clusters_than_different_points() -> None:
    positions = np.repeat([0.0, 5.0], 4)
    found = solved(np.abs(np.subtract.outer(positions, positions)), 5)
    assert len(set(found.indices.tolist())) == 5
    assert found.loss == 0
    assert np.array_equal(found.label[found.indices], np.arange(5))


def test_it_stops_when_it_must() -> None:
    distances = random_distances(300, seed=1)
    stopped = solved(distances, 20, max_sweeps=1, n_starts=1)
    assert not stopped.converged
    assert stopped.n_sweeps == 1
    settled = solved(distances, 20, n_starts=1)
    assert settled.converged
    assert settled.n_sweeps > 1
    assert settled.loss < stopped.loss


def on_shape(x: np.ndarray) -> Metric:
    """A metric that is large on the data alone."""
    centroids = torch.from_numpy(x)
    return DiagonalMetric(
        centroids, torch.full_like(centroids, 400.0), temperature=0.7, regularization=1e-3, decay=1e-3
    )


SHAPES = {
    "moons": make_moons(300, noise=0.05, random_state=0),
    "rings": make_circles(300, noise=0.03, factor=0.4, random_state=0),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("element", [InverseMetric, ConformalMetric])
def test_shapes_that_k_means_cannot_cut(shape: str, element: type[LineElement]) -> None:
    x, label = SHAPES[shape]
    found = RiemannianKMedoids(element(on_shape(x)), n_clusters=2, random_state=0).fit_predict(x)
    assert adjusted_rand_score(label, found) == 1.0
    euclidean = KMeans(2, n_init=10, random_state=0).fit_predict(x)
    assert adjusted_rand_score(label, euclidean) < 0.6
    # The metric itself is small between the shapes: there it is a short way from one to the other.
    own = RiemannianKMedoids(on_shape(x), n_clusters=2, random_state=0).fit_predict(x)
    assert adjusted_rand_score(label, own) < 0.6


@pytest.mark.parametrize("refine", [False, True])
def test_in_a_constant_metric_distances_are_its_norm(monkeypatch: pytest.MonkeyPatch, refine: bool) -> None:
    monkeypatch.delattr(medoids_module, "graph_distances" if refine else "distance")
    if refine:
        monkeypatch.delattr(medoids_module, "straight_log_lengths")  # nor does it predict by the graph
    metric, x = constant_metric(SKEW), normal(12, 2, seed=4)
    distances = euclidean_distances(x @ torch.linalg.cholesky(SKEW))
    model = RiemannianKMedoids(metric, n_clusters=3, n_neighbors=11, refine=refine, random_state=0).fit(x)
    assert model.inertia_ == pytest.approx(least_loss(distances, 3), rel=1e-6)
    assert np.array_equal(model.labels_, distances[model.medoid_indices_].argmin(0))
    assert np.array_equal(model.cluster_centers_, x.numpy()[model.medoid_indices_])
    new = normal(30, 2, seed=5)
    to_medoids = euclidean_distances(
        new @ torch.linalg.cholesky(SKEW), x[model.medoid_indices_] @ torch.linalg.cholesky(SKEW)
    )
    assert np.array_equal(model.predict(new), to_medoids.argmin(1))


def test_refined_distances_are_those_of_the_solver() -> None:
    x = normal(8, 2, seed=1)
    metric = diagonal_metric(dim=2)
    along_graph, refined = (
        RiemannianKMedoids(metric, n_clusters=2, n_neighbors=2, refine=refine, random_state=0).fit(x).inertia_
        for refine in (False, True)
    )
    assert refined < 0.999 * along_graph


class TestPredict:
    def fitted(self) -> tuple[RiemannianKMedoids, np.ndarray]:
        x, _ = SHAPES["moons"]
        return RiemannianKMedoids(InverseMetric(on_shape(x)), n_clusters=5, random_state=0).fit(x), x

    def test_fitted_points_keep_their_clusters(self) -> None:
        model, x = self.fitted()
        assert np.array_equal(model.predict(x), model.labels_)

    def test_new_points_go_with_their_shape(self) -> None:
        x, _ = SHAPES["moons"]
        model = RiemannianKMedoids(InverseMetric(on_shape(x)), n_clusters=2, random_state=0).fit(x)
        new, label = make_moons(200, noise=0.05, random_state=1)
        assert adjusted_rand_score(label, model.predict(new)) == 1.0

    def test_no_point_depends_on_another(self) -> None:
        model, _ = self.fitted()
        new = make_moons(40, noise=0.2, random_state=2)[0]
        assert np.array_equal(model.predict(new), np.concatenate([model.predict(row[None]) for row in new]))

    def test_fewer_points_than_neighbours(self) -> None:
        x = normal(3, 3)
        model = RiemannianKMedoids(diagonal_metric(), n_clusters=3).fit(x)
        assert np.array_equal(model.predict(x), model.labels_)
        assert sorted(model.labels_) == [0, 1, 2]


class TestConventions:
    def test_parameters_are_kept_and_changed(self) -> None:
        metric = diagonal_metric()
        model = RiemannianKMedoids(metric, 3, n_neighbors=5, refine=True, max_iter=7, random_state=1)
        wanted = {"n_clusters": 3, "n_neighbors": 5, "refine": True, "max_iter": 7, "random_state": 1}
        assert model.get_params() == {"metric": metric, **wanted}
        twin = clone(model)
        assert {name: getattr(twin, name) for name in wanted} == wanted
        assert torch.equal(twin.metric.centroids, metric.centroids)
        assert model.set_params(n_clusters=4).n_clusters == 4
        assert "n_clusters=4" in repr(model)

    def test_fit_gives_what_it_should(self) -> None:
        x = normal(40, 3)
        model = RiemannianKMedoids(diagonal_metric(), n_clusters=4, random_state=0)
        assert model.fit(x) is model
        assert model.labels_.shape == (40,)
        assert set(model.labels_) == set(range(4))
        assert np.array_equal(model.labels_[model.medoid_indices_], np.arange(4))
        assert model.cluster_centers_.shape == (4, 3)
        assert model.n_features_in_ == 3
        assert model.n_iter_ >= 1
        assert np.array_equal(model.fit_predict(x), model.labels_)
        assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(x), model.labels_)

    def test_arrays_and_tensors_of_either_precision_do(self) -> None:
        x = normal(40, 3)
        model = RiemannianKMedoids(diagonal_metric(), n_clusters=4, random_state=0)
        expected = model.fit_predict(x)
        for other in (x.numpy(), x.float(), x.float().numpy(), x.clone().requires_grad_()):
            assert np.array_equal(model.fit_predict(other), expected)
            assert np.array_equal(model.predict(other), expected)

    def test_the_state_decides(self) -> None:
        x = normal(200, 3)
        model = RiemannianKMedoids(diagonal_metric(), n_clusters=12, random_state=5)
        first = model.fit(x).medoid_indices_
        assert np.array_equal(model.fit(x).medoid_indices_, first)
        shared = np.random.RandomState(5)
        model.set_params(random_state=shared)
        assert np.array_equal(model.fit(x).medoid_indices_, first)
        assert not np.array_equal(model.fit(x).medoid_indices_, first)  # the state has moved on
        model.set_params(random_state=None).fit(x)  # and the global state is watched by a fixture

    def test_an_unfitted_one_says_so(self) -> None:
        with pytest.raises(NotFittedError, match=r"this RiemannianKMedoids is not fitted; call fit\(X\) first\."):
            RiemannianKMedoids(diagonal_metric()).predict(normal(4, 3))

    def test_too_few_rounds_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(medoids_module, "N_STARTS", 1)
        model = RiemannianKMedoids(diagonal_metric(), n_clusters=20, max_iter=1, random_state=0)
        with pytest.warns(ConvergenceWarning, match=r"max_iter=1 was not enough for the medoids to settle; raise it\."):
            model.fit(normal(300, 3))

    def test_distances_beyond_floats_are_refused(self) -> None:
        element = ConformalMetric(constant_metric(1e-3 * SKEW), 300.0)
        with pytest.raises(ArgumentError, match=r"metric makes some distances larger than floats are; take a smaller"):
            RiemannianKMedoids(element, n_clusters=2, refine=True).fit(normal(3, 2))


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("x", "arguments", "error", "message"),
    [
        (normal(5, 3), {"n_clusters": 6}, ArgumentError, r"n_clusters must be at most the number .*, 5; got 6\."),
        (normal(5, 3), {"n_clusters": 0}, ArgumentError, r"n_clusters must be at least 1, got 0\."),
        (normal(5, 3), {"n_clusters": 2.0}, ArgumentTypeError, r"n_clusters must be a whole number, got 2\.0"),
        (normal(5, 3), {"n_neighbors": 0}, ArgumentError, r"n_neighbors must be at least 1, got 0\."),
        (normal(5, 3), {"max_iter": 0}, ArgumentError, r"max_iter must be at least 1, got 0\."),
        (normal(5, 3), {"random_state": "dice"}, ValueError, r"'dice' cannot be used to seed"),
        (normal(5, 2), {}, ArgumentError, r"X must have shape \(rows, 3\), none of it 0; got \(5, 2\)\."),
        (normal(5, 3)[:0], {}, ArgumentError, r"X must have shape \(rows, 3\), none of it 0; got \(0, 3\)\."),
        (normal(5, 3).numpy()[0], {}, ArgumentError, r"X must have shape \(rows, 3\), none of it 0; got \(3,\)\."),
        (normal(5, 3) * math.nan, {}, ArgumentError, r"X must be finite, but 5 of 5 rows are not"),
        (np.zeros((5, 3), int), {}, ArgumentTypeError, r"X must be a floating-point tensor, got torch\.int64\."),
        ([[0.0] * 3] * 5, {}, ArgumentTypeError, r"X must be a floating-point tensor, got list\."),
    ],
)
def test_bad_arguments(x: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RiemannianKMedoids(diagonal_metric(), **{"n_clusters": 2, **arguments}).fit(x)
