"""MultiVae's models are known, and refused: this says why."""

from typing import Any, NoReturn

from ..errors import UnsupportedModelError
from .checks import WAY_OUT

__all__ = ["refuse_multivae"]


def refuse_multivae(model: Any) -> NoReturn:
    """Raise the `UnsupportedModelError` that every model of MultiVae gets."""
    msg = (
        f"{type(model).__name__} of multivae cannot be used: that package needs torchvision to be imported at all, so "
        "no adapter of it could be tested here. Some of its models have one Gaussian for all modalities together "
        "(JMVAE's joint_encoder returns embedding and log_covariance), others a mixture, which has no metric. "
        f"{WAY_OUT}"
    )
    raise UnsupportedModelError(msg)
