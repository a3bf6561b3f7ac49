"""Models of pythae: which of them have the Gaussian posterior that their decoder sees, and where it is.

The library is recognised by the names of a model's classes and never imported.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ..errors import UnsupportedModelError
from ..protocols import GaussianPosterior, LatentModel
from ..validation import natural
from .checks import WAY_OUT, checked_decoded, checked_pair
from .modules import placed_like, untouched

__all__ = ["PythaeAdapter"]

_FLOW = "its decoder sees codes that a normalizing flow has moved, and the encoder's Gaussian is only the flow's base"
_DETERMINISTIC = "its encoder gives a code without a covariance"

_REASONS = {
    "VAE_LinNF": _FLOW,
    "VAE_IAF": _FLOW,
    "PoincareVAE": "its latent space is a hyperbolic ball, so that its posterior is not a Euclidean Gaussian",
    "SVAE": "its latent space is a sphere (von Mises-Fisher), so that its posterior is not a Euclidean Gaussian",
    "VQVAE": "its latent codes are discrete, without a covariance",
    "AE": _DETERMINISTIC,
    "RAE_L2": _DETERMINISTIC,
    "RAE_GP": _DETERMINISTIC,
    "WAE_MMD": _DETERMINISTIC,
}

_USABLE = frozenset(
    {
        "VAE",
        "BetaVAE",
        "DisentangledBetaVAE",
        "BetaTCVAE",
        "FactorVAE",
        "INFOVAE_MMD",
        "MSSSIM_VAE",
        "VAEGAN",
        "VAMP",
        "IWAE",
        "MIWAE",
        "PIWAE",
        "CIWAE",
        "HVAE",
        "RHVAE",
        "Adversarial_AE",
    }
)


class PythaeAdapter(LatentModel):
    """A variational autoencoder of pythae, or of a user's subclass of one.

    Only the encoder and the decoder are called, never the model itself, whose forward pass is stochastic. For IWAE,
    MIWAE, PIWAE and CIWAE the encoder's Gaussian is a proposal: its variance need not be that of the posterior.
    For HVAE and RHVAE it is the law before the Hamiltonian flow.

    Args:
        model: The trained model. Inputs are moved to its device and dtype; nothing of it is changed.

    Raises:
        UnsupportedModelError: The model has no Gaussian posterior, or not one that its decoder sees.

    Example:
        >>> images = PythaeAdapter(vae).decode(torch.randn(8, vae.latent_dim))
    """

    def __init__(self, model: Any) -> None:
        names = [cls.__name__ for cls in type(model).__mro__ if cls.__module__.startswith("pythae.")]
        reason = _reason_to_reject(model, names)
        if reason:
            kind = f"a pythae {names[0]}" if names else "not a model of pythae"
            msg = f"{type(model).__name__} ({kind}) cannot be used: {reason}. {WAY_OUT}"
            raise UnsupportedModelError(msg)
        self._model = model
        self._softplus = "HVAE" in names
        self._latent_dim = natural("latent_dim", getattr(model, "latent_dim", None) or model.model_config.latent_dim)

    @property
    def latent_dim(self) -> int:
        """Dimension of the latent space."""
        return self._latent_dim

    def encode(self, x: Any) -> GaussianPosterior:
        """Posterior of each data point of a batch: the encoder's ``embedding`` and ``log_covariance``."""
        with untouched(self._model):
            output = self._model.encoder(placed_like(x, self._model.encoder))
        fields = [getattr(output, name, None) for name in ("embedding", "log_covariance")]
        if any(field is None for field in fields):
            found = ", ".join(output) if isinstance(output, dict) else type(output).__name__
            msg = f"The encoder must return embedding and log_covariance, its output has only: {found}. {WAY_OUT}"
            raise UnsupportedModelError(msg)
        mean, log_covariance = checked_pair(fields, x, self._latent_dim)
        return GaussianPosterior(mean, _softplus_log_variance(log_covariance) if self._softplus else log_covariance)

    def decode(self, z: Float[Tensor, "n dim"]) -> Tensor:
        """Data decoded from latent positions: the decoder's ``reconstruction``."""
        with untouched(self._model):
            output = self._model.decoder(placed_like(z, self._model.decoder))["reconstruction"]
        return checked_decoded(output, z)


def _reason_to_reject(model: Any, names: list[str]) -> str | None:
    """Why a model with these pythae classes, nearest first, cannot be used; None if it can."""
    known = [_REASONS[name] for name in names if name in _REASONS]
    if known:
        return known[0]
    if not names or names[0] not in _USABLE:
        return "what its encoder and decoder mean is not known"
    if "Adversarial_AE" in names and model.model_config.deterministic_posterior:
        return "its posterior is deterministic (deterministic_posterior=True), so that its log_covariance is unused"
    return None


def _softplus_log_variance(raw: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
    """Log-variance of a standard deviation softplus(raw): ln ln(1 + e^r) = r − e^r/2 + O(e^2r) where e^r vanishes."""
    return 2 * torch.where(raw < -15, raw - raw.exp() / 2, functional.softplus(raw).log())
