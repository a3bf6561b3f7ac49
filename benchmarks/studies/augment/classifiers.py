"""The two classifiers that training sets are judged by, and how they are scored.

Both see the data standardized by the real training data (images: centred). Whatever the size of its training set, the
net, one hidden layer of 64 units, takes the same number of steps; boosting sees the first principal components of wide
data.
"""

import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import StandardScaler

from riemann_sampler.augmentation import small_net

__all__ = ["CLASSIFIERS", "Judges"]

CLASSIFIERS: Final = {"net": "small net", "boosting": "gradient boosting"}
"""Names of the classifiers in tables, by their keys."""

N_TREES, N_LEAVES, LEAST_IN_LEAF = 40, 15, 3
MOST_FEATURES, N_COMPONENTS = 100, 40

Points = Float[np.ndarray, "n features"]
Labels = Int[np.ndarray, " n"]


class Judges:
    """Train the classifiers and score them on held-out data.

    Args:
        real: The real training data, flat: they set the scale and the principal components.
        heldout: Held-out data, flat.
        heldout_labels: Their classes.
        is_images: Whether the data are images, whose pixels keep their scale.
        seed: Seed of the classifiers.
    """

    def __init__(self, real: Points, heldout: Points, heldout_labels: Labels, *, is_images: bool, seed: int) -> None:
        self._scaler = StandardScaler(with_std=not is_images).fit(real)
        self._components = None
        if real.shape[1] > MOST_FEATURES:
            n_components = min(N_COMPONENTS, len(real) - 1)
            self._components = PCA(n_components, random_state=0).fit(self._scaler.transform(real))
        self._heldout, self._labels, self._seed = heldout, heldout_labels, seed

    def scores(self, x: Points, y: Labels) -> dict[str, dict[str, float]]:
        """Scores of each classifier, trained on these, by its key."""
        boosting = HistGradientBoostingClassifier(
            max_iter=N_TREES,
            max_leaf_nodes=N_LEAVES,
            min_samples_leaf=LEAST_IN_LEAF,
            early_stopping=False,
            random_state=self._seed,
        )
        return {
            "net": self._score(small_net(len(x), self._seed), self._scaler.transform, x, y),
            "boosting": self._score(boosting, self._components_of, x, y),
        }

    def _components_of(self, x: Points) -> Points:
        scaled = self._scaler.transform(x)
        return scaled if self._components is None else self._components.transform(scaled)

    def _score(self, classifier: Any, view: Callable[[Points], Points], x: Points, y: Labels) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of steps is what is compared at
            found = classifier.fit(view(x), y).predict(view(self._heldout))
        wanted = self._labels
        return {
            "accuracy": float(accuracy_score(wanted, found)),
            "balanced accuracy": float(
                np.mean([(found[wanted == label] == label).mean() for label in np.unique(wanted)])
            ),
            "macro F1": float(f1_score(wanted, found, average="macro", zero_division=0)),
        }
