"""Models of pythae: which of them have the Gaussian posterior that their decoder sees, and where it is.

The library is recognised by the names of a model's classes and never imported.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from ..errors import UnsupportedModelError
from ..protocols import GaussianPosterior
from .base import NetworkAdapter, placed_like, untouched
from .checks import PULLBACK, WAY_OUT, usable_class
from .outputs import read_data

__all__ = ["CODES", "REASONS", "USABLE", "PythaeAdapter"]

_FLOW = "its decoder sees codes that a normalizing flow has moved, and the encoder's Gaussian is only the flow's base"
_DETERMINISTIC = f"its encoder gives a code without a covariance, and {PULLBACK}"

CODES = frozenset({"AE", "RAE_L2", "RAE_GP", "WAE_MMD"})
"""Models that give codes without a covariance."""

REASONS = {
    "VAE_LinNF": _FLOW,
    "VAE_IAF": _FLOW,
    "PoincareVAE": "its latent space is a hyperbolic ball, so that its posterior is not a Euclidean Gaussian",
    "SVAE": "its latent space is a sphere (von Mises-Fisher), so that its posterior is not a Euclidean Gaussian",
    "VQVAE": "its latent codes are discrete, without a covariance",
    **dict.fromkeys(CODES, _DETERMINISTIC),
}

USABLE = frozenset(
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


class PythaeAdapter(NetworkAdapter):
    """A variational autoencoder of pythae, or of a user's subclass of one.

    Only the encoder and the decoder are called, never the model itself, whose forward pass is stochastic. For IWAE,
    MIWAE, PIWAE and CIWAE the encoder's Gaussian is a proposal: its variance need not be that of the posterior.
    For HVAE and RHVAE it is the law before the Hamiltonian flow.

    Args:
        model: The trained model. Inputs are moved to its device and dtype; nothing of it is changed.
        needs_covariance: Whether the posterior is to be read. Otherwise models without one will do too, and every
            log-variance is 0: for `PullbackAdapter`, which reads the codes alone.

    Raises:
        UnsupportedModelError: The model has no Gaussian posterior, or not one that its decoder sees.

    Example:
        >>> images = PythaeAdapter(vae).decode(torch.randn(8, vae.latent_dim))
    """

    def __init__(self, model: Any, *, needs_covariance: bool = True) -> None:
        kind = usable_class(model, "pythae", USABLE if needs_covariance else USABLE | CODES, REASONS)
        if needs_covariance and kind == "Adversarial_AE" and model.model_config.deterministic_posterior:
            msg = (
                f"{type(model).__name__} (a pythae {kind}) cannot be used: its posterior is deterministic "
                f"(deterministic_posterior=True), so that its log_covariance is unused, and {PULLBACK}. {WAY_OUT}"
            )
            raise UnsupportedModelError(msg)
        self._needs_covariance = needs_covariance
        super().__init__(model, getattr(model, "latent_dim", None) or model.model_config.latent_dim)
        self._is_hvae, self._is_vamp = kind == "HVAE", kind == "VAMP"
        shape = model.model_config.input_dim
        self.input_hint = f"The model was made for data points of shape {tuple(shape)}." if shape else ""

    def pseudo_inputs(self) -> GaussianPosterior | None:
        """Posteriors of a VAMP model's learnt pseudo-inputs (arXiv:1705.07120); None of any other model."""
        if not self._is_vamp:
            return None
        with torch.no_grad(), untouched(self.module):
            inputs = self.module.pseudo_inputs(placed_like(self.module.idle_input, self.module))
        return self.encode(inputs.reshape(-1, *self.module.model_config.input_dim))

    def gaussian(self, x: Any) -> tuple[object, object]:
        """Mean and log-variance: the encoder's ``embedding`` and ``log_covariance``; the latter 0 if not needed."""
        output = self.module.encoder(x)
        names = ("embedding", "log_covariance") if self._needs_covariance else ("embedding",)
        fields: list[Any] = [getattr(output, name, None) for name in names]
        if any(field is None for field in fields):
            found = ", ".join(output) if isinstance(output, dict) else type(output).__name__
            msg = f"The encoder must return {' and '.join(names)}, its output has only: {found}. {WAY_OUT}"
            raise UnsupportedModelError(msg)
        if not self._needs_covariance:
            return fields[0], torch.zeros_like(fields[0])
        mean, log_covariance = fields
        return mean, _softplus_log_variance(log_covariance) if self._is_hvae else log_covariance

    def data(self, z: Tensor) -> object:
        """Data: the decoder's ``reconstruction``."""
        return read_data(self.module.decoder(z))


def _softplus_log_variance(raw: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
    """Log-variance of a standard deviation softplus(raw): ln ln(1 + e^r) = r − e^r/2 + O(e^2r) where e^r vanishes."""
    return 2 * torch.where(raw < -15, raw - raw.exp() / 2, functional.softplus(raw).log())
