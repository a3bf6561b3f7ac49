"""Autoencoders of diffusers: those of images, whose encoder gives the Gaussian that the decoder sees."""

from typing import Any

from torch import Tensor

from .base import NetworkAdapter
from .checks import usable_class

__all__ = ["USABLE", "DiffusersAdapter"]

_DETERMINISTIC = "its encoder gives a code without a covariance"

_REASONS = {
    "AutoencoderDC": _DETERMINISTIC,
    "AutoencoderRAE": _DETERMINISTIC,
    "AutoencoderTiny": _DETERMINISTIC,
    "AutoencoderKLTemporalDecoder": "its decoder needs the number of frames of each video",
    "ConsistencyDecoderVAE": "its decoder draws the image at random, so that one code has many",
    "VQModel": "its latent codes are discrete, without a covariance",
}

USABLE = ("AsymmetricAutoencoderKL", "AutoencoderKL", "AutoencoderKLFlux2")


class DiffusersAdapter(NetworkAdapter):
    """An ``AutoencoderKL`` of diffusers, ``AsymmetricAutoencoderKL``, ``AutoencoderKLFlux2``, or a user's subclass.

    Codes are those of the autoencoder itself: the scaling and shift that latent diffusion applies to them
    (``scaling_factor``, ``shift_factor``) are applied on neither side. Slicing and tiling stay as they are set.

    Args:
        model: The trained model. Inputs are moved to its device and dtype; nothing of it is changed.
        latent_shape: Shape (channels, height, width) of one latent code; None learns it from the first batch encoded.
            A model that is to decode without having encoded needs it; a saved sampler remembers it.

    Raises:
        UnsupportedModelError: The model has no Gaussian posterior, or its class is not known.

    Example:
        >>> images = DiffusersAdapter(vae, latent_shape=(4, 32, 32)).decode(torch.randn(8, 4 * 32 * 32))
    """

    def __init__(self, model: Any, latent_shape: int | tuple[int, ...] | None = None) -> None:
        usable_class(model, "diffusers", USABLE, _REASONS)
        super().__init__(model, latent_shape)
        self.input_hint = f"The model was made for images of {model.config.in_channels} channels."

    def gaussian(self, x: Any) -> tuple[object, object]:
        """Mean and log-variance of ``encode(x).latent_dist``."""
        law = self.module.encode(x, return_dict=True).latent_dist
        return law.mean, law.logvar

    def data(self, z: Tensor) -> object:
        """Images: ``decode(z).sample``."""
        return self.module.decode(z, return_dict=True).sample
