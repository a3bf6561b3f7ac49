"""Filters of synthetic data: what lies too near a training point, or a classifier takes for another class, is rejected.

What was rejected is drawn again, and counted; nothing goes missing without an error.
"""

import math
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from ..errors import ArgumentError, DataError
from ..validation import positive
from .classifiers import check_odds, find_misclassified

__all__ = ["FilterCounts", "SampleFilter", "fill"]

MOST_TRIES = 100
"""Times that `fill` asks for what is missing."""

ENOUGH_DRAWN, LEAST_KEPT_SHARE = 1000, 0.01
"""`fill` gives up early on a label of which so many were drawn, and no larger share was kept."""


class FilterCounts(NamedTuple):
    """What became of the samples that a filter saw.

    Attributes:
        n_drawn: All of them.
        n_too_near: Those rejected as too near a training point, whatever their predicted label.
        n_misclassified: Those rejected for their predicted label alone.
        n_kept: The rest.
    """

    n_drawn: int = 0
    n_too_near: int = 0
    n_misclassified: int = 0
    n_kept: int = 0

    def summary(self) -> str:
        """The counts in one line."""
        return (
            f"{self.n_drawn} samples drawn: {self.n_too_near} too near a training point, {self.n_misclassified} "
            f"misclassified, {self.n_kept} kept"
        )


class SampleFilter:
    """Keeps the samples that are no copies of training data, and look like what their label says.

    Args:
        real: Training data, (n, ...); compared flattened, by Euclidean distance.
        min_distance: Samples nearer than this to any training point are rejected; ``"authentic"`` rejects those no
            farther from their nearest training point than this is from its own nearest other one (Alaa et al. 2022,
            arXiv:2102.08921); None rejects none.
        classifier: An object with ``predict(x)``, as scikit-learn has them, which gets samples as they come; or a
            function of a tensor of samples that returns labels (n,) or scores (n, classes), where the class is the
            index of the highest. Samples whose label is not the predicted one are rejected; None rejects none.
        least_odds: Below 1, samples are rejected only if the classifier's ``predict_proba`` gives their own label less
            than this share of the highest probability: 0.1 is confident disagreement. A mapping has one for each label.

    Raises:
        ArgumentError: If ``min_distance``, ``classifier`` or ``least_odds`` cannot be used.
        ArgumentTypeError: If ``min_distance`` or ``least_odds`` is no number.
        DataError: If the training data are empty or not finite.

    Example:
        >>> sample_filter = SampleFilter(train_images, min_distance="authentic")
        >>> new = images[sample_filter.keep(images)]
    """

    def __init__(
        self,
        real: Any,
        *,
        min_distance: float | Literal["authentic"] | None = None,
        classifier: Any = None,
        least_odds: float | Mapping[Any, float] = 1.0,
    ) -> None:
        if not (classifier is None or callable(classifier) or hasattr(classifier, "predict")):
            msg = f"classifier must have a method predict, be a function or None, got {classifier!r}."
            raise ArgumentError(msg)
        self._classifier, self._least_odds = classifier, check_odds(least_odds, classifier)
        self._real = None if min_distance is None else _RealData(real, min_distance)
        self._counts = FilterCounts()

    @property
    def counts(self) -> FilterCounts:
        """What became of all samples since the filter was made, or since `reset`."""
        return self._counts

    def reset(self) -> None:
        """Start counting anew."""
        self._counts = FilterCounts()

    def keep(self, x: Any, labels: Any = None) -> Bool[np.ndarray, " n"]:
        """Which samples are kept; they are counted.

        Args:
            x: Samples, a tensor or an array, (n, ...).
            labels: Their labels; only a classifier needs them.

        Returns:
            True for each that is kept.

        Raises:
            ArgumentError: If a classifier has no labels, or as many as there are samples, to compare with, or gives
                scores of classes that the labels do not number.
            DataError: If samples are not finite or of another size than the training data, or a classifier's
                answer cannot be used.
        """
        too_near = np.zeros(len(x), dtype=bool)
        if self._real is not None and len(x):
            too_near = self._real.too_near(x)
        wrong = np.zeros(len(x), dtype=bool)
        if self._classifier is not None and len(x):
            wrong = find_misclassified(self._classifier, x, labels, self._least_odds)
        kept = ~(too_near | wrong)
        new = FilterCounts(len(x), int(too_near.sum()), int((wrong & ~too_near).sum()), int(kept.sum()))
        self._counts = FilterCounts(*map(sum, zip(self._counts, new, strict=True)))
        return kept


class _RealData:
    """Training data, and how near to each of them is too near."""

    def __init__(self, real: Any, min_distance: float | Literal["authentic"]) -> None:
        if isinstance(min_distance, str) and min_distance != "authentic":
            msg = f"min_distance must be a positive number, 'authentic' or None, got {min_distance!r}."
            raise ArgumentError(msg)
        self._authentic = min_distance == "authentic"
        radius = math.nan if self._authentic else positive("min_distance", min_distance)
        least = 2 if self._authentic else 1
        shape = np.shape(real)
        if not shape or shape[0] < least:
            msg = f"min_distance={min_distance!r} needs at least {least} training points, got shape {tuple(shape)}."
            raise DataError(msg)
        self._shape = tuple(shape[1:])
        points = _flat("training data", real)
        self._origin = points.mean(0)  # distances by expanded squares cancel less around it
        self._points = points - self._origin
        self._neighbors = NearestNeighbors(n_neighbors=1).fit(self._points)
        self._radii = np.full(len(points), radius)
        if self._authentic:
            _, others = self._neighbors.kneighbors()
            self._radii = _distances(self._points, self._points[others[:, 0]])

    def too_near(self, x: Any) -> Bool[np.ndarray, " n"]:
        """Which samples are within the radius of their nearest training point; an authentic one is beyond it."""
        points = _flat("samples", x)
        if points.shape[1] != self._points.shape[1]:
            msg = f"samples have shape {tuple(x.shape[1:])}, the training data {self._shape}: they cannot be compared."
            raise DataError(msg)
        points = points - self._origin
        _, index = self._neighbors.kneighbors(points)
        # The search may be off by rounding, and a copy not quite at distance 0.
        distances, radii = _distances(points, self._points[index[:, 0]]), self._radii[index[:, 0]]
        too_near: Bool[np.ndarray, " n"] = distances <= radii if self._authentic else distances < radii
        return too_near


def _flat(name: str, x: Any) -> Float[np.ndarray, "n size"]:
    """Rows of float32 or float64."""
    array = x.detach().cpu() if isinstance(x, Tensor) else np.asarray(x)
    array = np.asarray(array.float() if isinstance(array, Tensor) and array.dtype.itemsize < 4 else array)
    array = array.reshape(len(array), -1)
    array = array if array.dtype == np.float32 else array.astype(np.float64)
    bad = ~np.isfinite(array).all(1)
    if bad.any():
        msg = f"{name} must be finite, but {bad.sum()} of {len(bad)} are not, the first is {bad.argmax()}."
        raise DataError(msg)
    return array


def _distances(a: Float[np.ndarray, "n size"], b: Float[np.ndarray, "n size"]) -> Float[np.ndarray, " n"]:
    distances: Float[np.ndarray, " n"] = np.linalg.norm(a - b, axis=1)
    return distances


def fill(
    draw: Callable[[dict[Hashable, int], int], tuple[Any, Sequence[Hashable]]],
    wanted: Mapping[Hashable, int],
    sample_filter: SampleFilter,
    keep: Callable[[Any, Sequence[Hashable]], Bool[np.ndarray, " n"]] | None = None,
) -> tuple[Any, list[Hashable]]:
    """Draw until as many samples of each label are kept as are wanted.

    Args:
        draw: Draws so many samples of each label, when asked for the i-th time (from 0); returns them, a tensor or an
            array, and the label of each.
        wanted: How many of each label, at least one in all.
        sample_filter: The filter.
        keep: Which of the samples drawn are kept, where this takes more than ``sample_filter.keep``: they may be codes
            that it has to decode.

    Returns:
        The samples kept, those of each label together, labels in the order of ``wanted``; and the label of each.

    Raises:
        DataError: If samples of a label are rejected again and again.

    Example:
        >>> x, labels = fill(lambda counts, attempt: my_draw(counts, seed=attempt), {"a": 90, "b": 10}, sample_filter)
    """
    missing, n_drawn = {label: n for label, n in wanted.items() if n}, Counter[Hashable]()
    parts: list[Any] = []
    found: list[Hashable] = []
    for attempt in range(MOST_TRIES):
        values, labels = draw(missing, attempt)
        rows = np.flatnonzero((keep or sample_filter.keep)(values, labels))
        parts.append(values[torch.from_numpy(rows).to(values.device)] if isinstance(values, Tensor) else values[rows])
        found += [labels[row] for row in rows.tolist()]
        n_drawn.update(labels)
        n_kept = Counter(found)
        missing = {label: n - n_kept[label] for label, n in wanted.items() if n > n_kept[label]}
        if not missing:
            break
        if any(n_drawn[k] >= ENOUGH_DRAWN and n_kept[k] < LEAST_KEPT_SHARE * n_drawn[k] for k in missing):
            break
    if missing:
        raise DataError(_shortfall(missing, wanted, sample_filter.counts))
    rank = {label: i for i, label in enumerate(wanted)}
    order = sorted(range(len(found)), key=lambda row: rank[found[row]])
    samples = torch.cat(parts) if isinstance(parts[0], Tensor) else np.concatenate(parts)
    return samples[order], [found[row] for row in order]


def _shortfall(missing: Mapping[Hashable, int], wanted: Mapping[Hashable, int], counts: FilterCounts) -> str:
    each = ", ".join(
        f"{n} of {wanted[label]}" + f" of label {label!r}" * (label is not None) for label, n in missing.items()
    )
    return (
        f"too many samples were rejected: {each} are missing after {counts.summary()}. Take a lower min_distance, "
        "another classifier, or a sampler with a wider island_scale."
    )
