"""The sampler as one of pythae's own: the same calls, a configuration in JSON, and the pipeline that takes it.

>>> pipeline = GenerationPipeline(model, RiemannianSamplerConfig.from_preset("calibrated"))
>>> images = pipeline(num_samples=64, train_data=train_data)
"""

import json
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Literal

import pythae.pipelines
import torch
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass
from pythae.samplers import BaseSampler, BaseSamplerConfig
from torch import Tensor, nn

from .encoding import precise
from .errors import ArgumentError, ArgumentTypeError, NotFittedError, StorageError
from .files import all_at_once, check_image_shape, write_images
from .sampler import RiemannianUniformSampler
from .settings import PRESETS, Settings
from .validation import choice, natural

__all__ = ["GenerationPipeline", "RiemannianSampler", "RiemannianSamplerConfig"]


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class RiemannianSamplerConfig(BaseSamplerConfig):  # type: ignore[misc] # pythae has no types
    """The settings of `RiemannianUniformSampler`, by the names and with the meanings documented there, and a seed.

    ``seed`` is that of the fit and of every call of ``sample``, which then always gives the same samples. None fits
    with seed 0 and draws new samples at each call, as pythae's own samplers do.

    A value that cannot be used, or an unknown name, is pydantic's ``ValidationError``, which is a ``ValueError``.
    """

    metric: Literal["posterior", "pullback"] = Settings.metric
    centroids: Literal["data", "pseudo_inputs"] = Settings.centroids
    n_centroids: int | Literal["auto"] | None = Settings.n_centroids
    centroid_covariance: Literal["posterior", "cluster", "local"] = Settings.centroid_covariance
    n_neighbors: int = Settings.n_neighbors
    covariance_structure: Literal["diagonal", "full"] = Settings.covariance_structure
    law: Literal["volume", "islands"] = Settings.law
    island_scale: float | Literal["calibrated"] = Settings.island_scale
    temperature: float | Literal["auto", "nearest"] = Settings.temperature
    min_ess: float = Settings.min_ess
    regularization: float | None = Settings.regularization
    decay: float | None = Settings.decay
    floor_share: float = Settings.floor_share
    volume_exponent: float = Settings.volume_exponent
    global_moves: bool = Settings.global_moves
    n_steps: int | Literal["auto"] = Settings.n_steps
    n_warmup: int | Literal["auto"] = Settings.n_warmup
    n_leapfrog_steps: int = Settings.n_leapfrog_steps
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.settings()
        if self.seed is not None:
            natural("seed", self.seed, least=0)

    @classmethod
    def from_preset(
        cls, preset: Literal["uniform", "paper", "calibrated", "clusters", "local"], **overrides: Any
    ) -> "RiemannianSamplerConfig":
        """The configuration of a set-up of `RiemannianUniformSampler.from_preset`, with some fields overridden."""
        return cls(**{**PRESETS[choice("preset", preset, PRESETS)], **overrides})

    def settings(self) -> Settings:
        """The settings without the seed; an `ArgumentError` if one has no possible meaning."""
        return Settings(**{field.name: getattr(self, field.name) for field in fields(Settings)})


_CONFIG = "sampler_config"


class RiemannianSampler(BaseSampler):  # type: ignore[misc] # pythae has no types
    """`RiemannianUniformSampler` with the calls of pythae's own samplers.

    Unlike these it leaves the model as it is: on its device, in its mode, without new attributes. Its attribute
    ``sampler`` is the `RiemannianUniformSampler`, with diagnostics, latents and samples by label.

    Args:
        model: A trained model of pythae, or any that `RiemannianUniformSampler` takes.
        sampler_config: The settings; None takes the defaults.

    Raises:
        ArgumentTypeError: If ``sampler_config`` is that of another sampler.
        UnsupportedModelError: If the model has no Gaussian posterior or is of an unknown type.

    Example:
        >>> sampler = RiemannianSampler(model).fit(train_data)
        >>> sampler.sample(num_samples=1000, output_dir="samples", return_gen=False)
    """

    def __init__(self, model: Any, sampler_config: RiemannianSamplerConfig | None = None) -> None:
        # Not super().__init__, which moves the model and puts it into evaluation mode for good.
        config = RiemannianSamplerConfig() if sampler_config is None else sampler_config
        if not isinstance(config, RiemannianSamplerConfig):
            msg = f"sampler_config must be a RiemannianSamplerConfig, got one of type {type(config).__name__}."
            raise ArgumentTypeError(msg)
        self.model = model
        self.sampler_config = config
        self.sampler = RiemannianUniformSampler(model, **asdict(config.settings()))

    @property
    def is_fitted(self) -> bool:
        """Whether there is a fit to draw from."""
        return hasattr(self.sampler, "posterior_")

    def fit(
        self,
        train_data: Any,
        eval_data: Any = None,  # noqa: ARG002 (for pythae's pipeline)
        training_config: Any = None,  # noqa: ARG002 (likewise)
        **kwargs: Any,
    ) -> "RiemannianSampler":
        """Encode the data and fit their law.

        Args:
            train_data: What `RiemannianUniformSampler.fit` takes, pythae's datasets among it. None keeps the present
                fit.
            eval_data: Not used.
            training_config: Not used: no net is trained.
            **kwargs: Further arguments of `RiemannianUniformSampler.fit`: ``labels``, ``seed``.

        Returns:
            The sampler itself.

        Raises:
            NotFittedError: If ``train_data`` is None and there is no fit to keep.
            DataError: If the data or the posteriors cannot be used; the message says which and why.
        """
        if train_data is None:
            if not self.is_fitted:
                msg = "train_data is None, and there is no fit to keep: pass train_data, to a pipeline in its call."
                raise NotFittedError(msg)
            return self
        self.sampler.fit(train_data, **{"seed": self.sampler_config.seed or 0, **kwargs})
        return self

    def sample(
        self,
        num_samples: int = 1,
        batch_size: int = 500,
        output_dir: str | os.PathLike[str] | None = None,
        return_gen: bool = True,
        save_sampler_config: bool = False,
    ) -> Tensor | None:
        """Draw and decode, and write the images if a folder is given.

        Args:
            num_samples: How many; 0 gives an empty tensor of the right shape.
            batch_size: Samples decoded at a time; it does not change them.
            output_dir: Folder for ``00000000.png`` and on, made if missing. Values are clamped to [0, 1], and one
                channel is repeated to three. All files appear at once when the last is written.
            return_gen: Whether to return the samples.
            save_sampler_config: Whether to write ``sampler_config.json`` into ``output_dir`` too.

        Returns:
            The samples on the model's device, or None without ``return_gen``.

        Raises:
            NotFittedError: If the sampler is not fitted.
            ArgumentError: If a number is too small, or there is no folder for the configuration.
            DataError: If images are to be written, and what the model decodes is none.
        """
        num_samples = natural("num_samples", num_samples, least=0)
        batch_size = natural("batch_size", batch_size)
        if save_sampler_config and output_dir is None:
            msg = "save_sampler_config=True writes into output_dir, which is None: pass a folder."
            raise ArgumentError(msg)
        if output_dir is not None:
            check_image_shape(self.sampler.sample(0).shape)
        samples = self.sampler.sample(num_samples, seed=self.sampler_config.seed, batch_size=batch_size)
        if output_dir is not None:
            write_images(Path(output_dir), samples.expand(-1, 3, -1, -1))
            if save_sampler_config:
                self._save_config(output_dir)
        return samples if return_gen else None

    def save(self, dir_path: str | os.PathLike[str]) -> None:
        """Save the configuration as ``sampler_config.json``, and the fit beside it; the training codes are part of it.

        Args:
            dir_path: Made if missing.

        Raises:
            NotFittedError: If the sampler is not fitted.
            StorageError: If a label cannot be written as JSON.
        """
        self.sampler.save(dir_path)
        self._save_config(dir_path)

    @classmethod
    def load_from_folder(cls, dir_path: str | os.PathLike[str], model: Any) -> "RiemannianSampler":
        """A sampler that `save` wrote; for the same seed it draws bit-equal samples.

        Args:
            dir_path: Where it was saved.
            model: The model to decode with.

        Returns:
            The fitted sampler.

        Raises:
            StorageError: If the folder holds no whole sampler, or the model has another latent dimension.
        """
        sampler = cls(model, _read_config(Path(dir_path, f"{_CONFIG}.json")))
        fitted = RiemannianUniformSampler.load(dir_path, model, device=_geometry_device(model))
        if fitted.settings != sampler.sampler.settings:
            msg = f"{dir_path} is not a whole sampler: its fit has other settings than {_CONFIG}.json. Save it again."
            raise StorageError(msg)
        sampler.sampler = fitted
        return sampler

    def _save_config(self, folder: str | os.PathLike[str]) -> None:
        with all_at_once(Path(folder)) as scratch:
            self.sampler_config.save_json(scratch, _CONFIG)


class GenerationPipeline(pythae.pipelines.GenerationPipeline):  # type: ignore[misc] # pythae has no types
    """pythae's pipeline, which takes a `RiemannianSamplerConfig` as well as those of pythae's own samplers.

    Args:
        model: The trained model. With one of pythae's own configurations it is moved, and put into evaluation mode.
        sampler_config: Settings that decide on the sampler; None is pythae's default, the normal prior.

    Example:
        >>> images = GenerationPipeline(model, RiemannianSamplerConfig())(num_samples=64, train_data=train_data)
    """

    def __init__(self, model: Any, sampler_config: BaseSamplerConfig | None = None) -> None:
        if isinstance(sampler_config, RiemannianSamplerConfig):
            self.sampler = RiemannianSampler(model, sampler_config)
        else:
            super().__init__(model, sampler_config)


def _read_config(path: Path) -> RiemannianSamplerConfig:
    try:
        content = json.loads(path.read_text())
        name = content.pop("name")
        config = RiemannianSamplerConfig(**content)
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"{path.parent} holds no saved sampler: there is no {path.name}."
        raise StorageError(msg) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        msg = f"{path} is damaged, or not of a RiemannianSampler: {error!r}. Save the sampler again."
        raise StorageError(msg) from error
    if name != RiemannianSamplerConfig.__name__:
        msg = f"{path} is not of a RiemannianSampler: its name is {name!r}."
        raise StorageError(msg)
    return config


def _geometry_device(model: Any) -> torch.device | None:
    """Where a fit on the posteriors of this model computes; None is the CPU."""
    device = (
        next((parameter.device for parameter in model.parameters()), None) if isinstance(model, nn.Module) else None
    )
    return None if device is None else precise(device)
