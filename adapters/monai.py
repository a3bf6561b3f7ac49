"""Variational autoencoders of MONAI, of images and of volumes."""

from typing import Any

from torch import Tensor

from .base import NetworkAdapter
from .checks import usable_class
from .outputs import log_variance

__all__ = ["USABLE", "MonaiAdapter"]

_DETERMINISTIC = "its encoder gives a code without a covariance"
_SEGMENTED = "its decoder needs a segmentation besides the code"

_REASONS = {
    "AutoEncoder": _DETERMINISTIC,
    "ViTAutoEnc": _DETERMINISTIC,
    "VQVAE": "its latent codes are discrete, without a covariance",
    "SPADEAutoencoderKL": _SEGMENTED,
    "SPADENet": _SEGMENTED,
}

_SPATIAL = "AutoencoderKL"
USABLE = (_SPATIAL, "VarAutoEncoder", "VarFullyConnectedNet")


class MonaiAdapter(NetworkAdapter):
    """A ``VarAutoEncoder``, ``VarFullyConnectedNet`` or ``AutoencoderKL`` of MONAI, or a user's subclass of one.

    A ``MetaTensor`` is taken as its plain tensor: codes and decoded data carry no affine and no history.

    Args:
        model: The trained model. Inputs are moved to its device and dtype; nothing of it is changed.
        latent_shape: Shape of one latent code of an ``AutoencoderKL``, such as (channels, height, width); None learns
            it from the first batch encoded. A model that is to decode without having encoded needs it; a saved
            sampler remembers it. The other models know theirs.

    Raises:
        UnsupportedModelError: The model has no Gaussian posterior, or its class is not known.

    Example:
        >>> volumes = MonaiAdapter(vae, latent_shape=(3, 8, 8, 8)).decode(torch.randn(2, 3 * 8**3))
    """

    def __init__(self, model: Any, latent_shape: int | tuple[int, ...] | None = None) -> None:
        self._is_spatial = usable_class(model, "monai", USABLE, _REASONS) == _SPATIAL
        if latent_shape is None and not self._is_spatial:
            latent_shape = model.latent_size
        super().__init__(model, latent_shape)

    def gaussian(self, x: Any) -> tuple[object, object]:
        """Mean and log-variance: ``encode`` of an ``AutoencoderKL`` gives σ, ``encode_forward`` of the others ln σ²."""
        x = _plain(x)
        if self._is_spatial:
            mean, deviation = self.module.encode(x)
            return mean, log_variance(deviation, "std")
        mean, log_var = self.module.encode_forward(x)
        return mean, log_var

    def data(self, z: Tensor) -> object:
        """Images or volumes: ``decode(z)``, or ``decode_forward(z)``."""
        z = _plain(z)
        if self._is_spatial:
            return self.module.decode(z)
        # A fully connected net has no such switch: its own forward pass always ends in a sigmoid.
        return self.module.decode_forward(z, use_sigmoid=getattr(self.module, "use_sigmoid", True))


def _plain(x: Any) -> Any:
    """A tensor without what a subclass of tensors adds; anything else as it is."""
    return x.as_subclass(Tensor) if isinstance(x, Tensor) else x
