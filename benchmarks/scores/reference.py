"""All scores at once against one set of real data."""

import numpy as np
from jaxtyping import Float, Int

from riemann_sampler.errors import ArgumentError, DataError

from .classes import class_balance_error, class_entropy, class_shares
from .distances import Balls, as_points
from .kernels import Embedded
from .memorisation import TrainingData
from .moments import Moments
from .neighbours import NEIGHBOUR, compare
from .prd import prd_f_scores

__all__ = ["LEAST_POINTS", "Reference"]

LEAST_POINTS = 20
"""Fewer say nothing: there are 20 clusters in `prd`, and a cell of `memorisation` needs 20 points."""


class Reference:
    """Real data that generated ones are scored against; what depends on them alone is computed here, once.

    Args:
        train_features: Features of the training data, `LEAST_POINTS` at the least; only `authenticity` and
            `data_copying` look at them.
        heldout_features: Features of held-out data, `LEAST_POINTS` at the least.
        heldout_classes: Classes that the harness's classifier gives to the held-out data; None leaves out the scores
            of classes.
        n_classes: Number of classes that it knows; needed with ``heldout_classes``.
        seed: Seed of all that is random: the cells of `data_copying`, the clusters of `prd_f_scores`.

    Raises:
        ArgumentError: If ``n_classes`` is missing, or classes are out of range or not as many as features.
        DataError: If features are not finite, of too few points, or of other numbers in the two sets.
    """

    def __init__(
        self,
        train_features: Float[np.ndarray, "n_train features"],
        heldout_features: Float[np.ndarray, "n_heldout features"],
        heldout_classes: Int[np.ndarray, " n_heldout"] | None = None,
        n_classes: int | None = None,
        seed: int = 0,
    ) -> None:
        self._heldout = _checked_features("heldout_features", heldout_features)
        self._n_features = self._heldout.shape[1]
        train = _checked_features("train_features", train_features, self._n_features)
        self._n_classes, self._seed = n_classes, seed
        self._heldout_shares = None
        if heldout_classes is not None:
            self._heldout_shares = self._shares("heldout_classes", heldout_classes, len(self._heldout))
        points = as_points(self._heldout)
        self._moments = Moments.of(self._heldout)
        self._embedded = Embedded(points)
        self._balls = Balls(points, NEIGHBOUR)
        self._training_data = TrainingData(as_points(train), points, seed)

    def score(
        self, features: Float[np.ndarray, "n features"], classes: Int[np.ndarray, " n"] | None = None
    ) -> dict[str, float]:
        """All scores of generated data.

        Precision, recall, density, coverage, both F scores and data copying depend on the number of points: they
        are of the first generated points, as many as there are held-out ones, or of all if there are fewer. The others
        are of all generated points.

        Args:
            features: Features of the generated data, in random order, `LEAST_POINTS` at the least.
            classes: Classes that the harness's classifier gives to them; None leaves out the scores of classes.

        Returns:
            The scores by the names of their functions, and ``prd_f8`` and ``prd_f1_8``.

        Raises:
            ArgumentError: If ``classes`` are given but none were to `Reference`, or are out of range or not as many as
                features.
            DataError: If features are not finite, of too few points, or of another number than those of the real data.
        """
        features = _checked_features("features", features, self._n_features)
        compared = features[: len(self._heldout)]
        points = as_points(features)
        prd = prd_f_scores(self._heldout, compared, self._seed)
        return {
            "frechet_distance": self._moments.frechet_distance(Moments.of(features)),
            "kernel_distance": self._embedded.kernel_distance(Embedded(points)),
            **compare(self._balls, Balls(points[: len(compared)], NEIGHBOUR))._asdict(),
            "prd_f8": prd.f8,
            "prd_f1_8": prd.f1_8,
            **self._training_data.compare(points)._asdict(),
            **({} if classes is None else self._class_scores(classes, len(features))),
        }

    def _class_scores(self, classes: Int[np.ndarray, " n"], n: int) -> dict[str, float]:
        if self._heldout_shares is None:
            msg = "classes have none of held-out data to compare with: give heldout_classes and n_classes to Reference."
            raise ArgumentError(msg)
        shares = self._shares("classes", classes, n)
        return {
            "class_entropy": class_entropy(shares),
            "class_balance_error": class_balance_error(shares, self._heldout_shares),
        }

    def _shares(self, name: str, classes: Int[np.ndarray, " n"], n: int) -> Float[np.ndarray, " n_classes"]:
        """The share of each class, if there are ``n`` of them, all known to the classifier."""
        if self._n_classes is None:
            msg = f"n_classes must be the number of classes that the classifier of {name} knows, got None."
            raise ArgumentError(msg)
        if classes.shape != (n,):
            msg = f"{name} must have shape ({n},), one class for each row of features; got {classes.shape}."
            raise ArgumentError(msg)
        if classes.min() < 0 or classes.max() >= self._n_classes:
            msg = f"{name} must lie in 0 ... {self._n_classes - 1}, got {classes.min()} ... {classes.max()}."
            raise ArgumentError(msg)
        return class_shares(classes, self._n_classes)


def _checked_features(
    name: str, features: Float[np.ndarray, "n features"], n_features: int | None = None
) -> Float[np.ndarray, "n features"]:
    """The features in float64, if they can be scored."""
    wanted = "(n, features)" if n_features is None else f"(n, {n_features})"
    if features.ndim != 2 or features.shape[1] != (n_features or features.shape[1]):
        msg = f"{name} must have shape {wanted}, got {features.shape}."
        raise DataError(msg)
    if len(features) < LEAST_POINTS:
        msg = f"{name} must have at least {LEAST_POINTS} rows for the scores to mean anything, got {len(features)}."
        raise DataError(msg)
    bad = ~np.isfinite(features).all(1)
    if bad.any():
        msg = (
            f"{name} must be finite, but {bad.sum()} of {len(features)} rows are not, the first is row {bad.argmax()}."
        )
        raise DataError(msg)
    return features.astype(np.float64)
