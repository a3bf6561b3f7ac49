"""What the core knows of a model: two methods and a dimension, and what some models have beside these."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

__all__ = [
    "DecodesWithGradients",
    "GaussianPosterior",
    "HasLatentShape",
    "HasPseudoInputs",
    "LatentModel",
    "LearnsNoiseVariance",
]


class GaussianPosterior(NamedTuple):
    """Diagonal Gaussian posteriors q(z|x) = N(mean, diag(exp(log_variance))), one row for each data point.

    Attributes:
        mean: Latent codes, in latent units.
        log_variance: Natural logarithms of the variances along each latent axis.

    Example:
        >>> posterior = GaussianPosterior(torch.zeros(5, 2), torch.zeros(5, 2))
    """

    mean: Float[Tensor, "n dim"]
    log_variance: Float[Tensor, "n dim"]


@runtime_checkable
class LatentModel(Protocol):
    """A trained autoencoder with Gaussian posteriors.

    Adapters make one of any library's model. ``encode`` and ``decode`` must be deterministic and leave the
    underlying model as it was: device, dtype, training mode, gradients and attributes.
    """

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space."""
        ...

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each data point of a batch."""
        ...

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Data decoded from latent positions, first axis ``n``."""
        ...


@runtime_checkable
class HasLatentShape(Protocol):
    """A model whose latent codes have a shape of their own, such as (channels, height, width)."""

    latent_shape: tuple[int, ...] | None
    """Shape of one latent code; None where nothing has been encoded yet that would show it."""


@runtime_checkable
class HasPseudoInputs(Protocol):
    """A model that may have learnt pseudo-inputs, as a VAMP has (arXiv:1705.07120)."""

    def pseudo_inputs(self) -> GaussianPosterior | None:
        """Posteriors of the pseudo-inputs; None if it has none."""
        ...


@runtime_checkable
class DecodesWithGradients(Protocol):
    """A model whose ``decode`` records no gradients, and which has another method that does."""

    def decode_with_gradients(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Like ``decode``, but records gradients when grad mode is on."""
        ...


@runtime_checkable
class LearnsNoiseVariance(Protocol):
    """A model whose posteriors depend on the noise variance of the data around what is decoded."""

    noise_variance: float | None
    """In squared units of the data; None where it has neither been given nor learnt."""

    def with_noise(self, noise_variance: float) -> LatentModel:
        """The model with a noise variance that was learnt; the model itself if one was given by hand."""
        ...

    def with_noise_of(self, batches: Iterable[Any]) -> LatentModel:
        """The model with the noise variance that batches of data show; itself if one was given by hand."""
        ...
