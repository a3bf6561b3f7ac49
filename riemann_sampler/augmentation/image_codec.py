"""From images of any range and layout to those that a VAE is trained on, and back."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

from ..errors import ArgumentTypeError, DataError
from .small_vae import Layout

__all__ = ["Pixels"]

CHANNELS = (1, 3, 4)
"""Sizes of an axis that is taken for that of the channels: grey, colour, colour with opacity."""


class Pixels:
    """The range of the pixels of images, and their layout; `fit` finds them.

    Args:
        like: Images of the same kind, none of them.
        low: The least value of a pixel.
        high: The greatest.

    Attributes:
        layout: None, as images are not a table.

    Example:
        >>> pixels = Pixels.fit(images)
        >>> same = pixels.inverse(pixels.transform(images), np.random.default_rng(0))
    """

    layout: Layout | None = None

    def __init__(self, like: Any, low: float, high: float) -> None:
        self._like, self._low, self._high = like, low, high

    @classmethod
    def fit(cls, X: Any) -> "Pixels":
        """Learn the range of the pixels.

        Args:
            X: Images, as for `AutoModel.fit`.

        Returns:
            The codec.

        Raises:
            ArgumentTypeError: If X is no array of images.
            DataError: If X is empty, not finite or constant.
        """
        like = np.empty((0, *X.shape[1:]), X.dtype)
        _channel_axis(like)
        values = _finite(X)
        low, high = float(values.min()), float(values.max())
        if low == high:
            msg = f"every pixel of X is {low:g}, so there is nothing that a VAE could learn."
            raise DataError(msg)
        return cls(like, low, high)

    def transform(self, X: Any) -> Float[Tensor, "n channels height width"]:
        """Images in [0, 1], channels first, float32.

        Args:
            X: Images of the shape that was fitted.

        Returns:
            The images.

        Raises:
            DataError: If they have another shape, or are not finite.
        """
        if X.shape[1:] != self._like.shape[1:]:
            msg = f"X must hold images of the shape {self._like.shape[1:]} of the fit, got {X.shape[1:]}."
            raise DataError(msg)
        values = (_finite(X) - self._low) / (self._high - self._low)
        axis = _channel_axis(self._like)
        values = values[:, None] if axis is None else np.moveaxis(values, axis, 1)
        return torch.from_numpy(np.ascontiguousarray(values, np.float32))

    def inverse(self, images: Any, rng: np.random.Generator, noise: Any = None) -> Any:  # noqa: ARG002 (as Columns has it)
        """Images of the range, layout and dtype that were fitted; whole numbers are rounded, and nothing is drawn.

        Args:
            images: What the VAE decoded, channels first, in [0, 1].
            rng: Not used.
            noise: Not used: a VAE of images has none.

        Returns:
            An array of images.
        """
        values = self._low + np.asarray(images, np.float64) * (self._high - self._low)
        axis = _channel_axis(self._like)
        values = values[:, 0] if axis is None else np.moveaxis(values, 1, axis)
        values = values.clip(self._low, self._high)
        return (values if self._like.dtype.kind == "f" else values.round()).astype(self._like.dtype)


def _channel_axis(X: Shaped[np.ndarray, "..."]) -> int | None:
    """The axis of the channels, the second if it can be either; None where there is none."""
    if X.ndim == 3:
        return None
    axis = next((axis for axis in (1, 3) if X.ndim == 4 and X.shape[axis] in CHANNELS), None)
    if axis is None:
        msg = (
            "X must hold rows, or images of shape (height, width), (channels, height, width) or (height, width, "
            f"channels) with 1, 3 or 4 channels; got shape {X.shape[1:]} for each."
        )
        raise DataError(msg)
    return axis


def _finite(X: Shaped[np.ndarray, "n ..."]) -> Float64[np.ndarray, "n ..."]:
    """The pixels as float64; a `DataError` if there are none or one is not finite."""
    if X.dtype.kind not in "buif":
        msg = f"X must hold images of numbers, got dtype {X.dtype}."
        raise ArgumentTypeError(msg)
    if 0 in X.shape:
        msg = f"X is empty: its shape is {X.shape}."
        raise DataError(msg)
    bad = ~np.isfinite(X.reshape(len(X), -1)).all(1)
    if bad.any():
        msg = f"X must have no NaN and no infinite pixels, but image {int(bad.argmax())} holds some."
        raise DataError(msg)
    return X.astype(np.float64)
