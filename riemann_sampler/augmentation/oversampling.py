"""Oversampling for imbalanced-learn: synthetic rows of the smaller classes, by the geometry of a VAE's latent space.

>>> X_more, y_more = RiemannianOverSampler(random_state=0).fit_resample(X, y)
"""

import secrets
import warnings
from collections import Counter
from collections.abc import Hashable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Final, Literal

import numpy as np
import torch
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_target_type
from scipy import sparse
from sklearn.base import clone
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn_compat.utils.validation import check_array, validate_data
from torch import Tensor

from ..compute import derive_seed
from ..errors import CollapseWarning, DataError
from ..labels import to_plain
from ..sampler import RiemannianUniformSampler
from ..settings import PRESETS
from .auto_model import AutoModel
from .classifiers import fit_balanced, small_net
from .filters import FilterCounts, SampleFilter, fill
from .tables import assemble, check_cells, dtype_of, is_frame, stack

__all__ = ["RiemannianOverSampler"]

RESIDUAL_NOISE: Final = True
"""Whether the numbers of synthetic rows get the noise that the VAE leaves unexplained."""


class RiemannianOverSampler(BaseOverSampler):  # type: ignore[misc] # imbalanced-learn has no types
    """Adds synthetic rows to the smaller classes, drawn from one law of latent codes for each class.

    It keeps imbalanced-learn's conventions: the rows given come first, unchanged, then the synthetic ones, class by
    class; tables, DataFrames, sparse matrices, lists and arrays of images come back as what they were. All that is
    learnt is learnt in ``fit_resample``, so that in a pipeline a validation fold is never seen.

    Args:
        model: ``"auto"`` trains a small VAE on the very rows given, all classes together. Or a trained model: an
            `AutoModel`, or one for `RiemannianUniformSampler` that takes and gives rows of X as floating-point numbers.
            It is used as it is, and has seen what it was trained on: validation rows should not be among that.
            scikit-learn's ``clone`` copies it, which trains nothing.
        preset: Set-up of the laws, as for `RiemannianUniformSampler.from_preset`.
        island_scale: Width of their islands, which replaces the preset's; None keeps that. Wide islands reach beyond
            what the rows given show, and need a classifier to reject what has left its class. The volume law of
            ``"uniform"`` and ``"paper"`` has no such width.
        sampling_strategy: How many rows of which class, as everywhere in imbalanced-learn: a word, a ratio, a mapping
            of classes to their number of rows, or a function of y that returns one.
        categorical_features: For ``model="auto"``: names, indices or a boolean mask of the columns that are categories;
            ``"auto"``, those of dtype category, string or bool, and those of objects that are not all numbers; None is
            no column.
        min_distance: Synthetic rows nearer to a given one are rejected, or those that are not ``"authentic"``, as for
            `SampleFilter`; in standard deviations of the columns, categories one-hot, with ``model="auto"``. None
            rejects none.
        classifier: Rejects the synthetic rows that it takes for another class; None rejects none. ``"auto"`` is a small
            net; any classifier of scikit-learn will do, of which a clone is used. It is fitted on the rows given, as
            the distances see them, those of smaller classes repeated so that all classes weigh the same.
        least_odds: Synthetic rows are rejected if the classifier finds their own class less than so many times as
            likely as the likeliest. 1, or a classifier without probabilities, rejects all that it takes for another
            class; ``"auto"`` is, for each class, its number of rows as a share of the largest class's: few rows, though
            repeated, say little about where their class ends.
        latent_dim: Dimension of the latent space of ``model="auto"``; None chooses it.
        n_steps: Steps in which ``model="auto"`` is trained; None takes the default.
        random_state: Whole number or ``RandomState``; None takes fresh entropy. The global state is left alone.

    Attributes:
        sampler_: The fitted `RiemannianUniformSampler`, one law for each class.
        model_: The model: an `AutoModel`, or the one given.
        filter_counts_: `FilterCounts`: how many rows were drawn, rejected and kept.
        sampling_strategy_: How many rows of each class were added.

    Example:
        >>> pipeline = make_pipeline(RiemannianOverSampler(random_state=0), RandomForestClassifier())
        >>> cross_val_score(pipeline, X, y, scoring="balanced_accuracy")
    """

    sampler_: RiemannianUniformSampler
    model_: Any
    filter_counts_: FilterCounts
    sampling_strategy_: dict[Any, int]

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **BaseOverSampler._parameter_constraints,
        "model": "no_validation",
        "preset": [StrOptions(set(PRESETS))],
        "island_scale": [Interval(Real, 0, None, closed="neither"), StrOptions({"calibrated"}), None],
        "categorical_features": ["array-like", StrOptions({"auto"}), None],
        "min_distance": [Interval(Real, 0, None, closed="neither"), StrOptions({"authentic"}), None],
        "least_odds": [Interval(Real, 0, 1, closed="right"), StrOptions({"auto"})],
        "classifier": [HasMethods(["fit", "predict"]), StrOptions({"auto"}), None],
        "latent_dim": [Interval(Integral, 1, None, closed="left"), None],
        "n_steps": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        model: Any = "auto",
        *,
        preset: Literal["uniform", "paper", "calibrated", "clusters", "local"] = "local",
        island_scale: float | Literal["calibrated"] | None = 3.0,
        sampling_strategy: Any = "auto",
        categorical_features: Any = "auto",
        min_distance: float | Literal["authentic"] | None = None,
        classifier: Any = "auto",
        least_odds: float | Literal["auto"] = "auto",
        latent_dim: int | None = None,
        n_steps: int | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.model = model
        self.preset = preset
        self.island_scale = island_scale
        self.categorical_features = categorical_features
        self.min_distance = min_distance
        self.classifier = classifier
        self.least_odds = least_odds
        self.latent_dim = latent_dim
        self.n_steps = n_steps
        self.random_state = random_state

    def _check_X_y(self, X: Any, y: Any) -> tuple[Any, Any, bool]:  # noqa: N802 (its name)
        y, one_vs_all = check_target_type(y, indicate_one_vs_all=True)
        if not is_frame(X):
            if isinstance(X, list) and np.asarray(X).dtype.kind == "U":
                X = np.array(X, dtype=object)  # numbers among strings stay numbers
            finite = sparse.issparse(X)
            X = check_array(X, accept_sparse=["csr", "csc"], dtype=None, ensure_all_finite=finite, allow_nd=True)
        check_consistent_length(X, y)
        validate_data(self, X=X, y=y, reset=True, skip_check_array=True)
        if X.ndim == 2 and not sparse.issparse(X):
            check_cells(X)
        return X, y, one_vs_all

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        seed = _entropy(self.random_state)
        rows = X.toarray() if sparse.issparse(X) else X
        if isinstance(self.model, str) and self.model == "auto":
            self.model_ = self._train(rows, y, derive_seed(seed, 0))
        else:
            self.model_ = self.model
        codec = self.model_ if isinstance(self.model_, AutoModel) else _TrainedModel(rows)
        points = codec.transform(rows)
        width = {} if self.island_scale is None else {"island_scale": self.island_scale}
        sampler = RiemannianUniformSampler.from_preset(self.preset, self.model_, **width)
        with warnings.catch_warnings():
            data: Any = points
            if isinstance(codec, AutoModel):
                warnings.simplefilter("ignore", CollapseWarning)  # idle units of a VAE of ours cost nothing
                data = codec.encode(rows)
            self.sampler_ = sampler.fit(data, labels=y, seed=derive_seed(seed, 1))
        new = self._synthetic(codec, points, y, derive_seed(seed, 2))
        labels = np.repeat(np.array(list(self.sampling_strategy_), y.dtype), list(self.sampling_strategy_.values()))
        return _append(X, new), np.concatenate([y, labels])

    def _train(self, rows: Any, y: Any, seed: int) -> AutoModel:
        return AutoModel.fit(
            rows,
            labels=y,
            categorical_features=self.categorical_features,
            latent_dim=self.latent_dim,
            n_steps=self.n_steps,
            seed=seed,
        )

    def _synthetic(self, codec: "AutoModel | _TrainedModel", points: Tensor, y: Any, seed: int) -> Any:
        """New rows that passed the filters, class by class."""
        real = points.flatten(1).numpy()
        judge = self._judge(real, y, seed)
        least_odds = self._odds(y) if hasattr(judge, "predict_proba") else 1.0
        sample_filter = SampleFilter(real, min_distance=self.min_distance, classifier=judge, least_odds=least_odds)

        def draw(counts: dict[Hashable, int], attempt: int) -> tuple[Tensor, list[Hashable]]:
            entropy = derive_seed(seed, attempt)
            decoded = torch.cat([self.sampler_.sample(n, label=label, seed=entropy) for label, n in counts.items()])
            # Filters are to see the rows that come out: rounded, with their categories drawn.
            drawn = codec.transform(codec.rows(decoded, entropy, noise=RESIDUAL_NOISE))
            return drawn, [label for label, n in counts.items() for _ in range(n)]

        def keep(drawn: Tensor, labels: Sequence[Hashable]) -> Any:
            return sample_filter.keep(drawn.flatten(1).numpy(), labels)

        wanted = {to_plain(label): int(n) for label, n in self.sampling_strategy_.items()}
        kept = fill(draw, wanted, sample_filter, keep)[0] if any(wanted.values()) else points[:0]
        self.filter_counts_ = sample_filter.counts
        return codec.rows(kept, noise=False)

    def _judge(self, real: Any, y: Any, seed: int) -> Any:
        """The classifier of the filter, which knows the given rows alone."""
        if self.classifier is None:
            return None
        if isinstance(self.classifier, str):
            return fit_balanced(small_net(len(real), seed % 2**32), real, y)
        return fit_balanced(_seed(clone(self.classifier), seed), real, y)

    def _odds(self, y: Any) -> Any:
        """How unlikely a class may be and its rows still be kept."""
        if not isinstance(self.least_odds, str):
            return self.least_odds
        counts = Counter(y.tolist())
        return {label: n / max(counts.values()) for label, n in counts.items()}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.non_deterministic = self.random_state is None
        return tags


class _TrainedModel:
    """Rows as a user's model takes them, and rows of what it decodes: the same numbers."""

    def __init__(self, X: Any) -> None:
        kinds = [dtype_of(X, j) for j in range(X.shape[1])] if is_frame(X) else [X.dtype]
        wrong = next((dtype for dtype in kinds if dtype.kind != "f"), None)
        if wrong is not None:
            msg = (
                f"model is a trained one, which decodes floating-point numbers, but X holds {wrong}: give X as the "
                "model was trained on it, such as by X.astype('float32')."
            )
            raise DataError(msg)
        self._like = X.iloc[:0] if is_frame(X) else X[:0]

    def transform(self, X: Any) -> Tensor:
        """The rows as float32, which models of any library take."""
        return torch.from_numpy(np.array(X, np.float32))

    def rows(self, decoded: Tensor, seed: int = 0, *, noise: bool = True) -> Any:  # noqa: ARG002 (as AutoModel has it)
        """Rows like those of X; a `DataError` if the model decodes anything else. Nothing is drawn."""
        shape = tuple(self._like.shape[1:])
        if tuple(decoded.shape[1:]) != shape:
            msg = (
                f"model decodes to shape {tuple(decoded.shape[1:])}, but a row of X has shape {shape}: reshape X as "
                "the model gives it."
            )
            raise DataError(msg)
        values = decoded.detach().cpu().numpy()
        return assemble(list(values.T), self._like) if is_frame(self._like) else values.astype(self._like.dtype)


def _entropy(random_state: Any) -> int:
    """A seed; it is taken from the state, as everywhere in scikit-learn, but for the global one."""
    if random_state is None:
        return secrets.randbits(63)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _seed(classifier: Any, seed: int) -> Any:
    """The classifier, its randomness, where it is left open, decided by the seed."""
    for name, value in classifier.get_params().items():
        if name.rpartition("__")[2] == "random_state" and value is None:
            classifier.set_params(**{name: seed % 2**32})
    return classifier


def _append(X: Any, new: Any) -> Any:
    """The rows of X, and new ones."""
    if is_frame(X):
        return stack(X, new)
    if sparse.issparse(X):
        return sparse.vstack([X, sparse.csr_matrix(new)], format=X.format, dtype=X.dtype)
    return np.concatenate([X, new])
