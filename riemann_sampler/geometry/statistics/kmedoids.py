"""Clusters of latent positions by Riemannian distances: k-medoids as a scikit-learn estimator.

Of a cluster only distances between its points are asked, not means: any line element will do, and clusters may have
any shape that the data have. `pam` says how medoids are found.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from torch import Tensor

from ...compute import warn_user
from ...errors import ArgumentError, ConvergenceWarning, NotFittedError
from ...metric import Metric
from ...validation import finite_matrix, natural
from ..curves.geodesics import distance
from ..curves.graph import graph_distances, straight_log_lengths
from ..curves.line_elements import LineElement, line_element
from .fasterpam import k_medoids

__all__ = ["RiemannianKMedoids"]

N_STARTS = 10
"""Starts of which the best is kept: as many as scikit-learn's k-means long took; they cost less than the distances."""


class RiemannianKMedoids(ClusterMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Clusters around k of the points themselves, the sum of distances to the nearest of which is least.

    Distances are those along a graph of the points, each joined to its neighbours, or with ``refine`` those of
    shortest curves. New points are joined to the graph of the fitted ones, each on its own: what `predict` says of
    one depends on no other, and of a fitted one it says what `fit` said.

    Args:
        metric: What measures lengths. A metric measures by itself, and as it decays off the data, what a void
            separates is near to it: `InverseMetric` or `ConformalMetric` tell such clusters apart.
        n_clusters: Clusters k.
        n_neighbors: Neighbours that each point is joined to.
        refine: Whether distances are those of shortest curves. There are n (n − 1) / 2 to be searched for, thousands
            of times the price of the graph.
        max_iter: How often a start may try all points as medoids.
        random_state: Seed of the starts, or a ``RandomState``; None takes a fresh one.

    Attributes:
        labels_: Cluster of each point, (n,).
        medoid_indices_: Index of each cluster's medoid, (k,).
        cluster_centers_: The medoids, (k, dim).
        inertia_: Sum of the distances from the points to their medoids.
        n_iter_: How often all points were tried, in the best start.
        n_features_in_: Dimension of the points.

    Example:
        >>> RiemannianKMedoids(InverseMetric(sampler.metric_), n_clusters=10, random_state=0).fit_predict(codes)
    """

    labels_: Int[np.ndarray, " n"]
    medoid_indices_: Int[np.ndarray, " k"]
    cluster_centers_: Float[np.ndarray, "k dim"]
    inertia_: float
    n_iter_: int
    n_features_in_: int

    def __init__(
        self,
        metric: Metric | LineElement,
        n_clusters: int = 8,
        *,
        n_neighbors: int = 12,
        refine: bool = False,
        max_iter: int = 300,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.metric = metric
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.refine = refine
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: None = None) -> "RiemannianKMedoids":  # noqa: ARG002
        """Find the medoids.

        Args:
            X: Latent positions, array or tensor, (n, dim).
            y: Not used; scikit-learn's convention.

        Returns:
            The estimator itself.

        Raises:
            ArgumentError: If positions or arguments cannot be used, or there are fewer positions than clusters.
        """
        element, points = line_element(self.metric), self._positions(X)
        n_clusters, max_iter = natural("n_clusters", self.n_clusters), natural("max_iter", self.max_iter)
        if n_clusters > len(points):
            msg = f"n_clusters must be at most the number of positions, {len(points)}; got {n_clusters}."
            raise ArgumentError(msg)
        natural("n_neighbors", self.n_neighbors)
        distances = self._distances(element, points)
        # scikit-learn would take numpy's global generator for None.
        random = np.random.RandomState() if self.random_state is None else check_random_state(self.random_state)
        medoids = k_medoids(distances, n_clusters, max_sweeps=max_iter, n_starts=N_STARTS, random=random)
        if not medoids.converged:
            msg = f"max_iter={max_iter} was not enough for the medoids to settle; raise it."
            warn_user(msg, ConvergenceWarning)
        self.labels_, self.medoid_indices_ = medoids.label, medoids.indices
        self.cluster_centers_ = points[medoids.indices].cpu().numpy()
        self.inertia_, self.n_iter_, self.n_features_in_ = medoids.loss, medoids.n_sweeps, points.shape[1]
        self._points, self._to_medoids = points, distances[:, medoids.indices]
        return self

    def predict(self, X: Any) -> Int[np.ndarray, " n"]:
        """The cluster of the nearest medoid, for each of any positions.

        Args:
            X: Latent positions, array or tensor, (n, dim).

        Returns:
            Numbers of clusters.

        Raises:
            ArgumentError: If positions cannot be used.
            NotFittedError: If the estimator is not fitted.
        """
        if not hasattr(self, "labels_"):
            msg = "this RiemannianKMedoids is not fitted; call fit(X) first."
            raise NotFittedError(msg)
        element, points = line_element(self.metric), self._positions(X)
        if self.refine:
            centres = self._points[self.medoid_indices_]
            to_medoids: np.ndarray = distance(element, points, centres, pairwise=True).cpu().numpy()
        else:
            to_medoids = self._along_graph(element, points)
        return np.asarray(to_medoids.argmin(1))

    def _positions(self, X: Any) -> Float[Tensor, "n dim"]:
        """Positions as the metric wants them."""
        element = line_element(self.metric)
        positions = torch.from_numpy(X) if isinstance(X, np.ndarray) else X
        return finite_matrix("X", positions, dim=element.dim).detach().to(element.metric.centroids)

    def _distances(self, element: LineElement, points: Float[Tensor, "n dim"]) -> Float[np.ndarray, "n n"]:
        if self.refine:
            i, j = np.triu_indices(len(points), 1)
            distances = np.zeros((len(points),) * 2)
            distances[i, j] = distances[j, i] = distance(element, points[i], points[j]).cpu().double().numpy()
        else:
            distances = graph_distances(element, points, n_neighbors=self.n_neighbors)
        if not np.isfinite(distances).all():
            msg = "metric makes some distances larger than floats are; take a smaller exponent or a wider temperature."
            raise ArgumentError(msg)
        return distances

    def _along_graph(self, element: LineElement, points: Float[Tensor, "m dim"]) -> Float[np.ndarray, "m k"]:
        """Distances of new points to the medoids, by way of the fitted points next to them."""
        n_neighbors = min(self.n_neighbors, len(self._points))
        search = NearestNeighbors(n_neighbors=n_neighbors).fit(self._points.cpu().numpy())
        joined = search.kneighbors(points.cpu().numpy(), return_distance=False)  # (n, neighbours)
        edges = straight_log_lengths(
            element, points.repeat_interleave(n_neighbors, 0), self._points[joined.ravel()]
        ).exp()
        first = edges.cpu().double().numpy().reshape(*joined.shape, 1)
        to_medoids: np.ndarray = (first + self._to_medoids[joined]).min(1)
        return to_medoids
