"""What the core knows of a model: two methods and a dimension."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

__all__ = ["GaussianPosterior", "LatentModel"]


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
