r"""`LatentAugment`: training batches, some of their rows replaced by decoded variations of themselves.

A row's code :math:`\mu` becomes, for a radius r and the standard deviations :math:`\sigma` of the row's posterior,

- by ``"resample"``: :math:`\mu + r \sigma \xi`, with :math:`\xi \sim N(0, I)`;
- by ``"walk"``: the end of a Brownian walk of the metric G from :math:`\mu`, of time :math:`r^2 m`. Where the islands
  of G are isolated, m is 1, and a short walk spreads as the first does. Where they overlap, G adds up the precisions
  of many of them, and walks of time :math:`r^2` would hardly move: m is the median over centroids of
  :math:`\mathrm{tr}(G(c_k) \Sigma_k) / d`, the number of islands that G adds up.
"""

import secrets
from collections.abc import Callable, Hashable, Mapping, MutableMapping, Sequence
from copy import copy
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import default_collate, get_worker_info

from ..compute import derive_seed, silent
from ..encoding import encode_data
from ..errors import ArgumentError, ArgumentTypeError, DataError
from ..geometry import brownian_walk
from ..labels import to_plain
from ..metric import FullMetric, Metric, island_scale
from ..sampler import RiemannianUniformSampler
from ..validation import choice, natural, number, positive
from .real_dataset import decode_like, model_of

__all__ = ["LatentAugment"]

MOST_CENTROIDS = 256
"""Centroids whose crowding stands for that of all."""

LABEL_KEYS = ("labels", "label")
"""Entries of a mapping that may hold the labels."""


class LatentAugment:
    """Replaces a random share of a batch's rows by decoded variations of themselves.

    It is called with a batch, or with the list of samples that a ``DataLoader`` collects, and so may be its
    ``collate_fn``. Batches are a Tensor (n, ...), a tuple or list (x, labels, ...), or a mapping with "data"; what
    comes back has the same structure, types, devices and shapes, and rows that were not chosen are the same bytes.
    The sampler is read when this is made; its model is left as it was. After a fit with labels each row varies in the
    metric of its own class, and the batch must hold the labels: the second entry, or that of "labels" or "label".

    Each worker of a loader has a stream of random numbers of its own; with a seed, that of (seed, epoch, worker, how
    many batches it has made): see `set_epoch`. A model on a GPU cannot be used in forked workers: call this on the
    batches that they give.

    Args:
        sampler: A fitted sampler with a model; best one with an island on every code (``"calibrated"``, ``"local"``):
            where the metric has none near a code, walks from it leap or stay.
        probability: Chance of each row to be replaced, in [0, 1].
        radius: How far variations go, in posterior standard deviations of the code, or of its island; None takes the
            island scale of the sampler.
        method: ``"walk"``, along the manifold; or ``"resample"``, by the row's own posterior.
        n_steps: Steps of a walk.
        seed: Makes the calls reproducible; None takes fresh random numbers at each.

    Raises:
        ArgumentError: If an argument has no possible meaning, or the sampler has no model.
        ArgumentTypeError: If an argument is not of the type that it should be.
        NotFittedError: If the sampler is not fitted.

    Example:
        >>> loader = DataLoader(dataset, batch_size=64, collate_fn=LatentAugment(sampler, probability=0.3))
    """

    def __init__(
        self,
        sampler: RiemannianUniformSampler,
        *,
        probability: float = 0.5,
        radius: float | None = None,
        method: Literal["walk", "resample"] = "walk",
        n_steps: int = 10,
        seed: int | None = None,
    ) -> None:
        self._model, self._batch_size = model_of(sampler), sampler.batch_size
        self._probability = _probability_of(probability)
        self._method = choice("method", method, ("walk", "resample"))
        self._n_steps = natural("n_steps", n_steps)
        self._seed = None if seed is None else natural("seed", seed, least=0)
        radius = None if radius is None else positive("radius", radius)
        metrics = sampler.metric_
        by_label = metrics if isinstance(metrics, dict) else {None: metrics}
        self._ranges = {label: _Range.of(metric, radius) for label, metric in by_label.items()}
        self._epoch = self._n_calls = 0

    def set_epoch(self, epoch: int) -> None:
        """Begin the random numbers of an epoch; only with a seed is there a need to.

        Without it, workers that are started anew for each epoch repeat with a seed what they drew in the last.

        Args:
            epoch: Its number, from 0.

        Raises:
            ArgumentError: If it is negative.
        """
        self._epoch, self._n_calls = natural("epoch", epoch, least=0), 0

    def __call__(self, batch: Any) -> Any:
        """Augment a batch, or the samples that a loader collected.

        Args:
            batch: As for `augment`; or a list of samples, which is collated first. A list whose entries are tensors of
                one shape is taken for samples.

        Returns:
            The batch augmented.

        Raises:
            ArgumentError: As `augment`.
            ArgumentTypeError: As `augment`.
            DataError: As `augment`.
        """
        return self.augment(default_collate(batch) if _are_samples(batch) else batch)

    def augment(self, batch: Any) -> Any:
        """Augment a batch.

        Args:
            batch: A Tensor, a tuple or list (x, labels, ...), or a mapping with "data". It is left as it is.

        Returns:
            A batch of the same structure.

        Raises:
            ArgumentError: If labels are needed and missing, unknown or not one for each row.
            ArgumentTypeError: If the data are no floating-point tensor.
            DataError: If the data are not finite, or the model decodes to another shape.
        """
        x, labels, rebuilt = _taken_apart(batch)
        _check_data(x)
        groups, stream = self._groups(labels, len(x)), self._stream()
        chosen = torch.rand(len(x), generator=torch.Generator().manual_seed(stream)) < self._probability
        varied = x.detach().clone()
        with torch.no_grad(), silent():
            for i, (label, rows) in enumerate(groups.items()):
                rows = rows[chosen[rows]].to(x.device)
                if len(rows):
                    z = self._codes(x[rows], self._ranges[label], derive_seed(stream, i))
                    varied[rows] = torch.cat(
                        [decode_like(self._model, part, x[0]) for part in z.split(self._batch_size)]
                    )
        return rebuilt(varied)

    def _codes(self, x: Tensor, reach: "_Range", seed: int) -> Float[Tensor, "n dim"]:
        """Codes of variations of the data."""
        mean, log_variance = encode_data(self._model, x, self._batch_size)
        if self._method == "walk":
            walk = brownian_walk(reach.metric, mean, n_steps=self._n_steps, time=reach.time, seed=seed)
            return walk.points[:, -1].to(mean)
        generator = torch.Generator(mean.device).manual_seed(seed)
        noise = torch.randn(mean.shape, dtype=mean.dtype, device=mean.device, generator=generator)
        return mean + reach.radius * (0.5 * log_variance).exp() * noise

    def _groups(self, labels: Any, n: int) -> dict[Hashable, Int[Tensor, " rows"]]:
        """Rows of each label."""
        if None in self._ranges:
            return {None: torch.arange(n)}
        if labels is None:
            msg = (
                "labels are missing: the sampler was fitted with labels, so a batch must be (x, labels, ...), or a "
                f"mapping with an entry {' or '.join(map(repr, LABEL_KEYS))}."
            )
            raise ArgumentError(msg)
        labels = to_plain(labels)
        if not isinstance(labels, Sequence) or len(labels) != n:
            found = len(labels) if isinstance(labels, Sequence) else repr(labels)
            msg = f"labels must hold one label for each of the {n} rows, got {found}."
            raise ArgumentError(msg)
        groups: dict[Hashable, list[int]] = {}
        for row, label in enumerate(labels):
            if not isinstance(label, Hashable) or label not in self._ranges:
                msg = f"label {label!r} is unknown: known are {list(self._ranges)}."
                raise ArgumentError(msg)
            groups.setdefault(label, []).append(row)
        return {label: torch.tensor(rows, dtype=torch.int64) for label, rows in groups.items()}

    def _stream(self) -> int:
        """The seed of the next batch."""
        if self._seed is None:
            return derive_seed(secrets.randbits(64))
        worker = get_worker_info()
        self._n_calls += 1
        return derive_seed(self._seed, self._epoch, 0 if worker is None else worker.id + 1, self._n_calls)


class _Range(NamedTuple):
    metric: Metric
    radius: float
    time: float

    @classmethod
    def of(cls, metric: Metric, radius: float | None) -> "_Range":
        """How far variations go, None being the island scale of the metric."""
        radius = radius or island_scale(metric.temperature, metric.volume_exponent, metric.dim)
        return cls(metric, radius, radius**2 * _crowding(metric))


def _crowding(metric: Metric) -> float:
    """The number of islands that the metric adds up at a typical centroid: 1 where they are isolated."""
    k = len(metric.centroids)
    index = torch.linspace(0, k - 1, min(k, MOST_CENTROIDS)).round().long().to(metric.centroids.device)
    centroids = metric.centroids[index]
    # tr(G Σ) is that of CᵀGC for Σ = CCᵀ; where all is diagonal one product with ones will do.
    axes = torch.eye(metric.dim) if isinstance(metric, FullMetric) else torch.ones(1, metric.dim)
    steps = [metric.quadratics.colour(index, axis.expand_as(centroids)) for axis in axes.to(centroids)]
    traces = torch.stack([metric.inner(centroids, step, step) for step in steps]).sum(0)
    return traces.median().item() / metric.dim


def _are_samples(batch: Any) -> bool:
    """Whether a batch is a list of samples, not yet collated."""
    if not isinstance(batch, list) or not batch:
        return False
    first = batch[0]
    return not isinstance(first, Tensor) or all(isinstance(x, Tensor) and x.shape == first.shape for x in batch)


def _taken_apart(batch: Any) -> tuple[Any, Any, Callable[[Tensor], Any]]:
    """The data and the labels of a batch, and what makes a batch like it of other data."""
    if isinstance(batch, Tensor):
        return batch, None, lambda x: x
    if isinstance(batch, Mapping):
        if "data" not in batch:
            msg = f"batches that are mappings need an entry 'data'; this one has {sorted(map(str, batch))}."
            raise DataError(msg)
        labels = next((batch[key] for key in LABEL_KEYS if key in batch), None)
        return batch["data"], labels, lambda x: _with_data(batch, x)
    if not isinstance(batch, tuple | list) or not batch:
        msg = f"batch must be a Tensor, a tuple or list (x, labels, ...), or a mapping, got {batch!r:.100}."
        raise ArgumentTypeError(msg)
    make: Any = getattr(type(batch), "_make", type(batch))  # named tuples
    return batch[0], batch[1] if len(batch) > 1 else None, lambda x: make([x, *batch[1:]])


def _with_data(batch: Mapping[str, Any], x: Tensor) -> Mapping[str, Any]:
    """A mapping of the same type, where that can be changed."""
    if not isinstance(batch, MutableMapping):
        return {**batch, "data": x}
    changed = copy(batch)
    changed["data"] = x
    return changed


def _check_data(x: Any) -> None:
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2:
        found = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        msg = f"a batch must hold data as a floating-point tensor (n, ...), got {found}."
        raise ArgumentTypeError(msg)
    bad = ~x.flatten(1).isfinite().all(1)
    if bad.any():
        msg = f"data must be finite, but row {int(bad.nonzero()[0, 0])} of the batch holds NaN or infinity."
        raise DataError(msg)


def _probability_of(value: Any) -> float:
    probability = number("probability", value)
    if not 0 <= probability <= 1:
        msg = f"probability must lie in [0, 1], got {value!r}."
        raise ArgumentError(msg)
    return probability
