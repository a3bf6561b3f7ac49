"""Which adapter a model gets."""

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from typing import Any, Final, Literal, NoReturn, TypeAlias

from torch import nn

from ..errors import ArgumentError, ArgumentTypeError, UnsupportedModelError
from ..protocols import LatentModel
from ..validation import choice
from .checks import WAY_OUT
from .diffusers import DiffusersAdapter
from .modules import ModuleAdapter, encodes_and_decodes
from .monai import MonaiAdapter
from .pullback import PullbackAdapter
from .pythae import PythaeAdapter
from .scvi import ScviAdapter

__all__ = ["ENTRY_POINT_GROUP", "AdapterRegistry", "as_latent_model", "refuse_multivae"]


def refuse_multivae(model: Any) -> NoReturn:
    """Raise the `UnsupportedModelError` that every model of MultiVae gets."""
    msg = (
        f"{type(model).__name__} of multivae cannot be used: that package needs torchvision to be imported at all, so "
        "no adapter of it could be tested here. Some of its models have one Gaussian for all modalities together "
        "(JMVAE's joint_encoder returns embedding and log_covariance), others a mixture, which has no metric. "
        f"{WAY_OUT}"
    )
    raise UnsupportedModelError(msg)


Adapter: TypeAlias = Callable[[Any], LatentModel]

ENTRY_POINT_GROUP = "riemann_sampler.adapters"
"""Packages name their adapters in this group of entry points: the dotted name of what it wraps = module:adapter."""

_TAKE_CODES: Final[tuple[Adapter, ...]] = (ModuleAdapter, PythaeAdapter)
"""Adapters that take models without covariances too, if told that none are needed."""


class AdapterRegistry:
    """Gives each model the adapter of its library: ``as_latent_model(model)``.

    An object that is a latent model already is returned as it is. Otherwise the package, module or class that the
    model's classes come from decides, nearest class and longest name first; the look of its methods decides only if no
    name is known, since libraries give ``encode`` different meanings.

    Args:
        adapters: Adapter of each dotted name of a package, module or class.

    Example:
        >>> posterior = as_latent_model(vae).encode(images)
    """

    def __init__(self, adapters: dict[str, Adapter]) -> None:
        self._adapters = dict(adapters)

    def __call__(
        self,
        model: Any,
        *,
        metric: Literal["posterior", "pullback"] = "posterior",
        noise_variance: float | None = None,
    ) -> LatentModel:
        """The model as the sampler calls it; the model itself stays as it is.

        Args:
            model: A trained model.
            metric: Where posterior covariances come from: ``"posterior"``, the encoder; or ``"pullback"``, the decoder,
                by `PullbackAdapter`, for which autoencoders that give codes alone will do as well.
            noise_variance: That of the data around what is decoded, for ``metric="pullback"``; None is learnt by the
                fit of a sampler.

        Returns:
            A latent model.

        Raises:
            ArgumentError: The metric is unknown, or the noise variance not positive or not of this metric.
            UnsupportedModelError: The model is of no known kind, or of a kind without the posteriors or codes needed.
        """
        if choice("metric", metric, ("posterior", "pullback")) == "pullback":
            if not isinstance(model, PullbackAdapter):
                return PullbackAdapter(self._adapt(model, needs_covariance=False), noise_variance)
            return model if noise_variance is None else PullbackAdapter(model.model, noise_variance)
        if noise_variance is not None:
            msg = f"noise_variance={noise_variance!r} belongs to metric='pullback', but metric is {metric!r}."
            raise ArgumentError(msg)
        return self._adapt(model, needs_covariance=True)

    def _adapt(self, model: Any, *, needs_covariance: bool) -> LatentModel:
        if isinstance(model, LatentModel) and not isinstance(model, (nn.Module, type)):
            return model
        model = getattr(model, "_orig_mod", model)  # what torch.compile has wrapped hides its class
        adapter = self._find(model)
        if adapter is None and encodes_and_decodes(model):
            adapter = ModuleAdapter
        if adapter is not None:
            options = {"needs_covariance": False} if adapter in _TAKE_CODES and not needs_covariance else {}
            return adapter(model, **options)
        is_class = isinstance(model, type)
        kind = f"the class {model.__name__} (not an object of it)" if is_class else type(model).__qualname__
        msg = (
            f"No adapter for a model of type {kind}. Known are: models of {', '.join(self.names)}; torch modules whose "
            "encode(x) returns (mean, log_variance) and whose decode(z) returns a tensor; objects with latent_dim, "
            f"encode(x) -> GaussianPosterior and decode(z). {WAY_OUT}"
        )
        raise UnsupportedModelError(msg)

    def register(self, name: str, adapter: Adapter) -> None:
        """Use an adapter for the models of a package, a module, or a class; an earlier one of that name gives way.

        Packages do better to declare the entry point ``"name" = "module:adapter"`` in the group
        ``riemann_sampler.adapters``, which is loaded when such a model is met.

        Args:
            name: Dotted name, such as ``"mylibrary"`` or ``"mylibrary.models.ConvVAE"``. Subclasses are included.
            adapter: Called with the model; returns a `LatentModel`.

        Raises:
            ArgumentError: The name is not a dotted name.
            ArgumentTypeError: The adapter cannot be called.
        """
        if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
            msg = f"name must be the dotted name of a package, a module or a class, got {name!r}."
            raise ArgumentError(msg)
        if not callable(adapter):
            msg = f"adapter must be called with a model, but {adapter!r} of type {type(adapter).__name__} cannot be."
            raise ArgumentTypeError(msg)
        self._adapters[name] = adapter

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the packages, modules and classes that have an adapter, without those of entry points."""
        return tuple(self._adapters)

    def _find(self, model: Any) -> Adapter | None:
        declared = {entry_point.name: entry_point for entry_point in entry_points(group=ENTRY_POINT_GROUP)}
        for cls in type(model).__mro__:
            for name in _names(cls):
                if name in self._adapters:
                    return self._adapters[name]
                if name in declared:
                    self.register(name, declared[name].load())
                    return self._adapters[name]
        return None


def _names(cls: type) -> Iterator[str]:
    """Dotted names of a class, its module and the packages around it, longest first."""
    name = f"{cls.__module__}.{cls.__qualname__}"
    while name:
        yield name
        name = name.rpartition(".")[0]


as_latent_model = AdapterRegistry(
    {
        # Users' own models share the rest of diffusers, such as ModelMixin, with those of the library.
        "diffusers.models.autoencoders": DiffusersAdapter,
        "generative.networks": MonaiAdapter,  # what MONAI took over; refused, for want of a test
        "monai": MonaiAdapter,
        "multivae": refuse_multivae,
        "pythae": PythaeAdapter,
        "scvi": ScviAdapter,
    }
)
