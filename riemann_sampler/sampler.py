"""`RiemannianUniformSampler`: the thin shell that wires model, law and chains together."""

import os
import secrets
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from .adapters import as_latent_model
from .compute import Communicator, derive_seed, progress_bar
from .display import html_box, text_line
from .encoding import (
    MEMORY_BUDGET,
    PosteriorStore,
    StreamedPosteriors,
    check_posterior,
    encode_data,
    precise,
    pseudo_input_posterior,
    split_by_label,
    with_learnt_noise,
)
from .errors import ArgumentError, DataError, NotFittedError, StorageError, UnsupportedModelError
from .files import read_sampler_folder, write_sampler_folder
from .geometry import PATH_SCALE, interpolate, widen
from .labels import check_known, check_labels, count_request, group_rows
from .laws import (
    MOST_DRAWS,
    Diagnostics,
    Draws,
    FittedLaws,
    LatentSamples,
    collect_samples,
    describe,
    draw,
    fit_laws,
    near_copies,
    write_summary,
)
from .metric import Metric
from .protocols import GaussianPosterior, HasLatentShape, LatentModel, LearnsNoiseVariance
from .settings import Preset, Settings, closest_preset, document_arguments, drop_unread, preset_arguments
from .validation import choice, natural

__all__ = ["RiemannianUniformSampler"]

Value = TypeVar("Value")


@document_arguments
@dataclass(kw_only=True, eq=False, repr=False)
class RiemannianUniformSampler(Settings):
    """Generates from a trained VAE by the uniform law of its latent manifold (arXiv:2209.07370).

    Any model will do that encodes to a Gaussian; it is used as it is and left as it was. `from_preset` gives the
    set-ups that were studied. Arguments become attributes of the same names, as `get_params` and `set_params` have
    them; a value that the chosen law does not read is refused.

    Attributes:
        model: A trained model of a known library, an ``nn.Module`` whose ``encode`` returns (mean, log-variance), a
            `LatentModel`, or None to fit on a `GaussianPosterior` and draw latents only.
        device: Where the geometry is computed; None is where the posteriors are.
        dtype: Floating-point type of the geometry; None is float64.
        batch_size: Data points encoded, or samples decoded, at a time.
        memory_budget: Bytes of posteriors, those of the training data, held in memory; more of them are kept in files
            without a name in the folder for temporary files (``TMPDIR``), mapped as they are read.

    Raises:
        ArgumentError: If an argument has no possible meaning, or nothing reads it.
        UnsupportedModelError: If the model has no Gaussian posterior or is of an unknown type.

    Example:
        >>> sampler = RiemannianUniformSampler.from_preset("local", model).fit(train_data)
        >>> images = sampler.sample(64)
    """

    model: Any = field(default=None, kw_only=False)
    device: torch.device | str | None = None
    dtype: torch.dtype | None = torch.float64
    batch_size: int = 256
    memory_budget: int = MEMORY_BUDGET

    def __post_init__(self) -> None:
        super().__post_init__()
        self._device = self.device = None if self.device is None else torch.device(self.device)
        self.dtype = choice("dtype", self.dtype or torch.float64, (torch.float32, torch.float64))
        self.batch_size = natural("batch_size", self.batch_size)
        self.memory_budget = natural("memory_budget", self.memory_budget)
        self.model = None if self.model is None else as_latent_model(self.model, metric=self.metric)
        self._fit: FittedLaws | None = None
        self._diagnostics: dict[Hashable, Diagnostics] = {}
        self._last_draws: dict[Hashable, Tensor] = {}

    # Settings are compared by value, samplers by identity.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    @property
    def settings(self) -> Settings:
        """The arguments that shape the law, as they stand."""
        return Settings(**{name: getattr(self, name) for name in (declared.name for declared in fields(Settings))})

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 # scikit-learn's signature
        """Arguments by name, as scikit-learn asks for them.

        Args:
            deep: Of no effect: no argument has arguments of its own.

        Returns:
            The arguments as they stand.
        """
        return {declared.name: getattr(self, declared.name) for declared in fields(self)}

    def set_params(self, **arguments: Any) -> "RiemannianUniformSampler":
        """Change arguments; a fit that is there stays as it is, and the next one takes them.

        Args:
            **arguments: New values by name.

        Returns:
            The sampler itself.

        Raises:
            ArgumentError: If there is no such argument, or the arguments do not go together; none is changed then.
        """
        before = self.get_params()
        for name in arguments:
            choice("argument", name, before)
        other = type(self)(**{**before, **arguments})
        for name in before:
            setattr(self, name, getattr(other, name))
        self._device = other._device
        return self

    def __sklearn_clone__(self) -> "RiemannianUniformSampler":
        return type(self)(**self.get_params())  # the model is shared, not copied

    def __sklearn_is_fitted__(self) -> bool:
        return self._fit is not None

    def __repr__(self) -> str:
        return text_line(type(self).__name__, *self._shown())

    def _repr_html_(self) -> str:
        return html_box(type(self).__name__, *self._shown())

    def _shown(self) -> tuple[dict[str, str], str]:
        """Arguments that are not at their defaults, and whether there is a fit."""
        defaults = {declared.name: declared.default for declared in fields(self)}
        changed = {name: repr(value) for name, value in self.get_params().items() if value != defaults[name]}
        if self.model is not None:
            changed["model"] = type(self.model).__name__  # a network's own repr runs over pages
        if self._fit is None:
            return changed, "not fitted"
        n_codes, dim = self._fit.posterior.mean.shape
        return changed, f"fitted on {n_codes:,} codes in {dim} dimensions"

    @classmethod
    def from_preset(cls, preset: Preset, model: Any = None, **overrides: Any) -> "RiemannianUniformSampler":
        """A sampler with the arguments of a named set-up, some of them overridden.

        ``"uniform"``: the exact uniform law of at most 1,000 posterior centroids. ``"paper"``: the published
        procedure with its errors mended; its chains do not reach their law, and its diagnostics say so.
        ``"calibrated"``: the island law of all codes at calibrated novelty. ``"clusters"``: the island law of full
        cluster covariances, their number chosen by held-out codes. ``"local"``: the island law of all codes, each
        as wide as the codes around it are spread.

        Args:
            preset: Its name.
            model: A trained model, as for the class.
            **overrides: Arguments of the class that replace the preset's; what of the preset nothing reads then is left
                out.

        Returns:
            An unfitted sampler.

        Raises:
            ArgumentError: If there is no such preset.
        """
        return cls(model, **preset_arguments(preset, overrides))

    def fit(
        self, data: Any, labels: Any = None, seed: int = 0, *, group: "dist.ProcessGroup | None" = None
    ) -> "RiemannianUniformSampler":
        """Encode the data and fit their law, or with labels one law for each label.

        Args:
            data: Tensor, array, Dataset or DataLoader of what the model encodes (of mappings the entry "data", of
                tuples the first), another table with rows that the model's adapter understands (AnnData), or a
                `GaussianPosterior`.
            labels: One hashable label for each data point, or None.
            seed: Seed of every random choice of the fit.
            group: A ``torch.distributed`` process group that shares the work: each of its processes calls ``fit`` with
                the same data, and ends with the same law; None is this process alone.

        Returns:
            The sampler itself.

        Raises:
            ArgumentError: If labels and data do not match, or there is no model to encode with.
            DataError: If the data or the posteriors cannot be used; the message says which and why.
            UnsupportedModelError: If ``metric="pullback"`` needs a decoder's derivatives, and it has none.
            StorageError: If posteriors beyond the memory budget cannot be written.
        """
        seed, settings = derive_seed(natural("seed", seed, least=0)), self.settings
        if self.metric == "pullback" and isinstance(data, GaussianPosterior):
            msg = (
                "metric='pullback' makes covariances of data and their codes, but data is a GaussianPosterior, which "
                "has its own: pass the data themselves, or metric='posterior'."
            )
            raise ArgumentError(msg)
        model = with_learnt_noise(self.model, data, self.batch_size)
        pseudo_inputs = _pseudo_inputs(model, labels) if self.centroids == "pseudo_inputs" else None
        communicator = Communicator.of(group)
        with PosteriorStore(self.memory_budget) as store:
            posterior = encode_data(model, data, self.batch_size, store)
        check_posterior(posterior)
        posterior = GaussianPosterior(*(part.detach() for part in posterior))
        dim = _latent_dim(model)
        if dim not in (None, posterior.mean.shape[1]):
            msg = f"the model has latent_dim={dim}, but the posteriors have {posterior.mean.shape[1]} dimensions."
            raise DataError(msg)
        groups = group_rows(None if labels is None else check_labels(labels, data, len(posterior.mean)))
        device = store.device or posterior.mean.device
        codes = StreamedPosteriors(posterior, self._device or precise(device), self.dtype, communicator)
        parts = split_by_label(posterior, groups, self.memory_budget)
        laws = fit_laws(((label, codes.of(part)) for label, part in parts), settings, seed, pseudo_inputs)
        counts = {label: len(posterior.mean if rows is None else rows) for label, rows in groups.items()}
        self.model = model
        self._take(FittedLaws(settings, posterior, laws, counts, device))
        return self

    def sample_latents(
        self, n_samples: int | None = None, *, label: Any = None, seed: int | None = None
    ) -> LatentSamples:
        """Draw latent positions; the same seed gives the same samples.

        Args:
            n_samples: How many; 0 gives empty tensors. It may be left out where ``label`` tells the number.
            label: After a fit with labels, the one to draw from, any hashable value; or how many of which, a mapping
                such as ``{"cat": 5, "dog": 3}``, whose samples come label by label; or one label for each sample, in a
                list, an array or a tensor. None mixes the labels as the training data do.
            seed: Seed of the draws; None takes a fresh one.

        Returns:
            The positions, and what is known of each.

        Raises:
            ArgumentError: If ``n_samples`` is negative or not the number of labels, or a label was not in the fit.
            NotFittedError: If the sampler is not fitted.
        """
        fit = self._fitted
        entropy = secrets.randbits(64) if seed is None else natural("seed", seed, least=0)
        counts, labels = count_request(label, n_samples, fit.counts, entropy)
        drawn: dict[Hashable, Draws] = {}
        with progress_bar(total=sum(counts.values()), desc="sample", unit="draw") as bar:
            for index, (key, law) in enumerate(fit.laws.items()):
                if key not in counts:
                    continue
                drawn[key] = draw(law, counts[key], (entropy, index), progress=bar.update)
                self._diagnostics[key] = describe(law, fit.counts[key], drawn[key])
                self._last_draws[key] = drawn[key].z[:MOST_DRAWS]
        return collect_samples(drawn, labels, entropy, fit.device, fit.posterior.mean.dtype)

    def sample(
        self,
        n_samples: int | None = None,
        *,
        label: Any = None,
        seed: int | None = None,
        batch_size: int | None = None,
    ) -> Tensor:
        """Draw and decode; arguments and errors as `sample_latents`.

        Args:
            n_samples: How many; 0 gives an empty tensor of the right shape.
            label: After a fit with labels, which or how many of each.
            seed: Seed of the draws; None takes a fresh one.
            batch_size: Samples decoded at a time; None takes the sampler's.

        Returns:
            What the model decodes, first axis ``n_samples``.

        Raises:
            ArgumentError: If there is no model to decode with.
        """
        model = self._decoder
        size = self.batch_size if batch_size is None else natural("batch_size", batch_size)
        z = self.sample_latents(n_samples, label=label, seed=seed).z
        if len(z) == 0:
            return model.decode(z.new_zeros(1, z.shape[1]))[:0]
        return _decode(model, z, size)

    def interpolate(
        self,
        x_a: Any,
        x_b: Any,
        *,
        n_points: int = 16,
        label: Hashable | None = None,
        exponent: float | None = None,
        island_scale: float = PATH_SCALE,
    ) -> Tensor:
        """Decode the paths between data points that stay on the manifold (arXiv:2209.07370, eq. (12)).

        Args:
            x_a: Data points that paths start at, in any form that ``fit`` takes.
            x_b: Data points that they end at, as many.
            n_points: Points of each path, both ends, as the model reconstructs them, included.
            label: Class whose metric is used, after a fit with labels.
            exponent: Exponent of the path's cost, as for `geometry.interpolate`.
            island_scale: Width of the metric's islands on which paths are looked for, as for `geometry.widen`.

        Returns:
            What the model decodes along each path, (n, n_points, ...).

        Raises:
            ArgumentError: If there is no model, the label was not in the fit, or an argument cannot be used.
            DataError: If the data cannot be used.
            NotFittedError: If the sampler is not fitted.
        """
        fit, model = self._fitted, self._decoder
        metric = widen(fit.laws[check_known(label, fit.laws)].metric, island_scale)
        a, b = (encode_data(model, x, self.batch_size).mean for x in (x_a, x_b))
        points = interpolate(metric, a, b, n_points=n_points, exponent=exponent).points
        images = _decode(model, points.flatten(0, 1), self.batch_size)
        return images.view(len(points), n_points, *images.shape[1:])

    @property
    def posterior_(self) -> GaussianPosterior:
        """Posteriors of the training data, as the model gave them."""
        return self._fitted.posterior

    @property
    def metric_(self) -> Metric | dict[Hashable, Metric]:
        """The fitted metric; by label after a fit with labels."""
        return self._by_label(lambda label: self._fitted.laws[label].metric)

    @property
    def temperature_(self) -> float | dict[Hashable, float]:
        """The fitted temperature ρ; by label after a fit with labels."""
        return self._by_label(lambda label: self._fitted.laws[label].metric.temperature)

    @property
    def diagnostics_(self) -> Diagnostics | dict[Hashable, Diagnostics]:
        """What the fit, and the last samples, say of themselves; by label after a fit with labels."""
        return self._by_label(lambda label: self._diagnostics[label])

    def summary(self) -> str:
        """Preset, figures of the fit and of the last samples, what is good of them and what is not, and a verdict.

        Near copies are counted among 1,000 samples at most.
        """
        settings = self._fitted.settings
        preset, changes = closest_preset(settings)
        changed = ", ".join(f"{name}={value!r}" for name, value in changes.items())
        n_codes, dim = self.posterior_.mean.shape
        heading = [
            f"preset {preset!r}{f' with {changed}' if changed else ''}",
            f"law {settings.law!r}, {n_codes:,} codes in {dim} dimensions, {str(self.dtype).removeprefix('torch.')}",
        ]
        self._count_near_copies()
        return write_summary(heading, self._diagnostics)

    def _count_near_copies(self) -> None:
        """Complete the diagnostics of the last samples."""
        for label, z in self._last_draws.items():
            of_draws, of_codes = near_copies(self.posterior_, z)
            found = self._diagnostics[label]
            self._diagnostics[label] = replace(found, near_copies=of_draws, near_copies_of_codes=of_codes)
        self._last_draws.clear()

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Save the fitted sampler, without the model, as safetensors and JSON. The training codes are part of it.

        Args:
            folder: Made if missing; a sampler saved there before is replaced, and stays whole until then.

        Raises:
            NotFittedError: If the sampler is not fitted.
            StorageError: If a label cannot be written as JSON.
        """
        tensors, laws = self._fitted.state()
        model = self.model
        config = {
            "latent_dim": self.posterior_.mean.shape[1],
            "latent_shape": model.latent_shape if isinstance(model, HasLatentShape) else None,
            "noise_variance": model.noise_variance if isinstance(model, LearnsNoiseVariance) else None,
            "dtype": str(self.dtype).removeprefix("torch."),
            "batch_size": self.batch_size,
            "memory_budget": self.memory_budget,
            "settings": asdict(self._fitted.settings),
            "laws": laws,
        }
        write_sampler_folder(folder, config, tensors)

    @classmethod
    def load(
        cls, folder: str | os.PathLike[str], model: Any = None, *, device: torch.device | str | None = None
    ) -> "RiemannianUniformSampler":
        """A sampler that `save` wrote; it draws bit-equal samples.

        Args:
            folder: Where it was saved.
            model: The model to decode with, or None to draw latents only.
            device: Where the geometry is computed; None is the CPU.

        Returns:
            The fitted sampler.

        Raises:
            StorageError: If the folder holds no whole sampler, or the model has another latent dimension.
        """
        config, tensors = read_sampler_folder(folder)
        try:
            fitted_dim = config["latent_dim"]
            settings = Settings(**drop_unread(config["settings"]))  # older releases took what nothing reads
            sampler = cls(
                model,
                **asdict(settings),
                device=device or "cpu",
                dtype=getattr(torch, config["dtype"]),
                batch_size=config["batch_size"],
                memory_budget=config.get("memory_budget", MEMORY_BUDGET),
            )
            # Small ones are read now, so that the folder may change afterwards; large ones as they are needed.
            small = sum(tensor.nbytes for tensor in tensors.values()) <= sampler.memory_budget
            placed = {name: tensor.to(sampler._device, copy=small) for name, tensor in tensors.items()}
            sampler._take(FittedLaws.restore(settings, placed, config["laws"]))
        except UnsupportedModelError:  # not the folder's fault
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            msg = f"{folder} is not a whole sampler: {error!r}. Save it again."
            raise StorageError(msg) from error
        dim = _latent_dim(sampler.model)
        if dim not in (None, fitted_dim):
            msg = f"{folder} was fitted in {fitted_dim} latent dimensions, the model has latent_dim={dim}."
            raise StorageError(msg)
        adapter = sampler.model
        if config.get("latent_shape") and isinstance(adapter, HasLatentShape) and adapter.latent_shape is None:
            adapter.latent_shape = tuple(config["latent_shape"])  # it has encoded nothing yet that would show it
        if config.get("noise_variance") and isinstance(adapter, LearnsNoiseVariance):
            sampler.model = adapter.with_noise(config["noise_variance"])
        return sampler

    @property
    def _fitted(self) -> FittedLaws:
        if self._fit is None:
            msg = "this RiemannianUniformSampler is not fitted; call fit(data) first."
            raise NotFittedError(msg)
        return self._fit

    def _take(self, fit: FittedLaws) -> None:
        self._fit = fit
        self._diagnostics = {label: describe(law, fit.counts[label]) for label, law in fit.laws.items()}
        self._last_draws = {}

    def _by_label(self, value: Callable[[Hashable], Value]) -> Value | dict[Hashable, Value]:
        laws = self._fitted.laws
        return value(None) if None in laws else {label: value(label) for label in laws}

    @property
    def _decoder(self) -> LatentModel:
        if self.model is None:
            msg = "model is None, so latents cannot be decoded; use sample_latents, or pass a model."
            raise ArgumentError(msg)
        model: LatentModel = self.model
        return model


def _decode(model: LatentModel, z: Tensor, batch_size: int) -> Tensor:
    batches = progress_bar(z.split(batch_size), desc="decode", unit="batch")
    return torch.cat([model.decode(batch) for batch in batches])


def _pseudo_inputs(model: LatentModel | None, labels: Any) -> GaussianPosterior:
    if labels is not None:
        msg = "centroids='pseudo_inputs' belong to no label: fit without labels, or use centroids='data'."
        raise ArgumentError(msg)
    return pseudo_input_posterior(model)


def _latent_dim(model: LatentModel | None) -> int | None:
    """The model's latent dimension; None without a model, or where it is not known before the first encode."""
    return getattr(model, "latent_dim", None)
