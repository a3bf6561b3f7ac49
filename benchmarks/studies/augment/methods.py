"""Ways to add data to a training set: the usual ones, those of a generative model, and ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from imblearn.over_sampling import ADASYN, SMOTE, RandomOverSampler
from jaxtyping import Float, Int
from scipy.ndimage import affine_transform
from sklearn.mixture import GaussianMixture

from riemann_sampler import RiemannianOverSampler
from riemann_sampler.augmentation import AutoModel, fit_balanced, small_net

__all__ = ["METHODS", "OURS", "Added", "Method", "Task"]

NOISE: Final = 0.1
"""Standard deviation of the noise on copies, in that of each feature (images: of all pixels)."""

SHIFT, ANGLE, ZOOM = 0.08, 12.0, 0.1
"""Largest shift of an image, as a share of its width, rotation in degrees, and relative change of size."""

MOST_NEIGHBOURS, MOST_COMPONENTS, CODES_PER_COMPONENT = 5, 10, 5
PRIOR_BATCH, PRIOR_BATCHES = 1_000, 50
"""Prior samples are drawn in batches until every class has enough, or so many times."""


@dataclass(frozen=True)
class Task:
    """A training set that is to be filled up.

    Attributes:
        x: Training data: images in [0, 1], (n, channels, height, width), or a standardized table.
        y: Their classes.
        wanted: How many examples of each class are to be added.
        seed: Seed of all that is random.
    """

    x: Float[np.ndarray, "n ..."]
    y: Int[np.ndarray, " n"]
    wanted: Mapping[int, int]
    seed: int

    @property
    def flat(self) -> Float[np.ndarray, "n features"]:
        """The data as rows."""
        return self.x.reshape(len(self.x), -1)

    @property
    def strategy(self) -> dict[int, int]:
        """How many examples of each class there are to be in the end, as imbalanced-learn wants it."""
        return {label: int((self.y == label).sum()) + n for label, n in self.wanted.items()}

    @cached_property
    def model(self) -> AutoModel:
        """The variational autoencoder that all methods with a model share, trained on these data alone."""
        return AutoModel.fit(self.x, labels=self.y, seed=self.seed)

    @cached_property
    def classifier(self) -> Any:
        """The net that filters and labels, which knows the real data alone."""
        return fit_balanced(small_net(len(self.x), self.seed), self.flat, self.y)


class Added(NamedTuple):
    """Synthetic examples and their classes."""

    x: Float[np.ndarray, "n ..."]
    y: Int[np.ndarray, " n"]


Augment = Callable[[Task], Added]


class Method(NamedTuple):
    """A way to add data.

    Attributes:
        augment: Makes the data.
        for_tables: Whether it makes sense of tables.
    """

    augment: Augment
    for_tables: bool = True


def _resampled(make: Callable[[Task], Any]) -> Augment:
    """What a sampler of imbalanced-learn appends to the rows."""

    def augment(task: Task) -> Added:
        x, y = make(task).fit_resample(task.flat, task.y)
        n = len(task.x)
        return Added(x[n:].reshape(-1, *task.x.shape[1:]).astype(np.float32), y[n:])

    return augment


def _neighbours(task: Task) -> int:
    """Neighbours between which examples are put: as usual, or all of the smallest class that is to grow."""
    return min(MOST_NEIGHBOURS, *(int((task.y == label).sum()) - 1 for label, n in task.wanted.items() if n))


def _smote(task: Task) -> Any:
    return SMOTE(sampling_strategy=task.strategy, k_neighbors=_neighbours(task), random_state=task.seed)


def _adasyn(task: Task) -> Any:
    return ADASYN(sampling_strategy=task.strategy, n_neighbors=_neighbours(task), random_state=task.seed)


def _duplicated(task: Task) -> Added:
    make = RandomOverSampler(sampling_strategy=task.strategy, random_state=task.seed)
    return _resampled(lambda _: make)(task)


def _noisy(task: Task) -> Added:
    """Copies with noise."""
    copies, random = _duplicated(task), np.random.default_rng(task.seed)
    scale = task.x.std() if task.x.ndim > 2 else task.x.std(0)
    x = copies.x + NOISE * scale * random.standard_normal(copies.x.shape)
    return copies._replace(x=(x.clip(0, 1) if task.x.ndim > 2 else x).astype(np.float32))


def _moved(task: Task) -> Added:
    """Copies of images, each shifted, turned and zoomed a little."""
    copies, random = _duplicated(task), np.random.default_rng(task.seed)
    return copies._replace(x=np.stack([_moved_image(image, random) for image in copies.x]))


def _moved_image(image: Float[np.ndarray, "c h w"], random: np.random.Generator) -> Float[np.ndarray, "c h w"]:
    angle = np.radians(random.uniform(-ANGLE, ANGLE))
    zoom = random.uniform(1 - ZOOM, 1 + ZOOM)
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    matrix, middle = np.array([[cosine, -sine], [sine, cosine]]), (np.array(image.shape[1:]) - 1) / 2
    shift = random.uniform(-SHIFT, SHIFT, 2) * image.shape[1:]
    offset = middle - matrix @ (middle + shift)
    return np.stack([affine_transform(channel, matrix, offset, order=1, mode="constant") for channel in image])


def _kept_by_classifier(augment: Augment) -> Augment:
    """A method, but of thrice as much as asked for only what a net, trained on the real data, takes for its class."""

    def filtered(task: Task) -> Added:
        many = Task(task.x, task.y, {label: 3 * n for label, n in task.wanted.items()}, task.seed)
        x, y = augment(many)
        agrees = task.classifier.predict(x.reshape(len(x), -1)) == y
        rows = [np.flatnonzero(agrees & (y == label))[:n] for label, n in task.wanted.items()]
        chosen = np.concatenate(rows)
        return Added(x[chosen], y[chosen])

    return filtered


def _prior(task: Task) -> Added:
    """Decoded draws from N(0, I), of which a small net that was trained on the real data says what they are."""
    generator = torch.Generator().manual_seed(task.seed)
    found: dict[int, list[np.ndarray]] = {label: [] for label in task.wanted}
    for _ in range(PRIOR_BATCHES):
        x = _decoded(task, torch.randn(PRIOR_BATCH, task.model.latent_dim, generator=generator))
        labels = task.classifier.predict(x.reshape(len(x), -1))
        for label, kept in found.items():
            kept.extend(x[labels == label][: task.wanted[label] - len(kept)])
        if all(len(kept) == task.wanted[label] for label, kept in found.items()):
            break
    return _added(found, task)


def _mixture(task: Task) -> Added:
    """Decoded draws from a Gaussian mixture of each class's codes, of a component for every few of them."""
    codes = task.model.encode(task.x).mean.double().numpy()
    found: dict[int, list[np.ndarray]] = {}
    for label, n in task.wanted.items():
        own = codes[task.y == label]
        k = max(1, min(MOST_COMPONENTS, len(own) // CODES_PER_COMPONENT))
        mixture = GaussianMixture(k, reg_covar=1e-3, random_state=task.seed).fit(own)
        found[label] = list(_decoded(task, torch.from_numpy(mixture.sample(n)[0]).float())) if n else []
    return _added(found, task)


def _decoded(task: Task, z: torch.Tensor) -> Float[np.ndarray, "n ..."]:
    return np.asarray(task.model.rows(task.model.decode(z), task.seed), np.float32)


def _added(found: Mapping[int, list[np.ndarray]], task: Task) -> Added:
    x = [example for kept in found.values() for example in kept]
    y = [label for label, kept in found.items() for _ in kept]
    return Added(np.stack(x) if x else task.x[:0], np.array(y, task.y.dtype))


def _ours(**arguments: Any) -> Augment:
    def augment(task: Task) -> Added:
        sampler = RiemannianOverSampler(
            task.model, sampling_strategy=task.strategy, random_state=task.seed, **arguments
        )
        x, y = sampler.fit_resample(task.x, task.y)
        return Added(x[len(task.x) :], y[len(task.x) :])

    return augment


def _preset(name: str) -> Method:
    return Method(_ours(preset=name, island_scale=None, classifier=None))


OURS: Final = {
    "ours: uniform": _preset("uniform"),
    "ours: calibrated": _preset("calibrated"),
    "ours: clusters": _preset("clusters"),
    "ours: local": _preset("local"),
    "ours: default, unfiltered": Method(_ours(classifier=None)),
    "ours: default, strict": Method(_ours(least_odds=1.0)),
    "ours: default": Method(_ours()),
}
"""Presets as they are; the default of `RiemannianOverSampler`, wide islands whose samples a classifier filters; that
without the filter, and with one that rejects all that it takes for another class, however small the class."""

METHODS: Final[Mapping[str, Method]] = {
    "duplication": Method(_duplicated),
    "noise": Method(_noisy),
    "shift, turn, zoom": Method(_moved, for_tables=False),
    "SMOTE": Method(_resampled(_smote)),
    "SMOTE, filtered": Method(_kept_by_classifier(_resampled(_smote))),
    "ADASYN": Method(_resampled(_adasyn)),
    "VAE prior": Method(_prior),
    "VAE, GMM of each class": Method(_mixture),
    **OURS,
}
"""Methods by name; beside them stands the training set as it is."""
