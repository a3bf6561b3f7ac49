"""Folders of image files in and out; Pillow is imported when one is at hand."""

from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Shaped, UInt8
from torch import Tensor

from ..compute import progress_bar
from ..errors import ArgumentError, DataError
from .atomic import all_at_once

__all__ = ["IMAGE_SUFFIXES", "check_image_shape", "read_images", "write_images"]

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def read_images(folder: Path) -> UInt8[np.ndarray, "n channels height width"]:
    """The images of a folder in order of their names, all of one size and either grey or RGB.

    Files of other kinds and folders inside are passed over; no image, or one that differs or cannot be read, is a
    `DataError` that names the file.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        msg = f"{folder} holds no images: no file in it ends in one of {', '.join(IMAGE_SUFFIXES)}."
        raise DataError(msg)
    first = _pixels(files[0])
    images = np.empty((len(files), *first.shape), np.uint8)
    for index, path in enumerate(progress_bar(files, desc="read", unit="image")):
        pixels = _pixels(path)
        if pixels.shape != first.shape:
            msg = (
                f"{path} is {_kind(pixels)}, but {files[0].name} is {_kind(first)}: all images of a folder must have "
                "one size and one mode."
            )
            raise DataError(msg)
        images[index] = pixels
    return images


def check_image_shape(shape: torch.Size) -> None:
    """Raise a `DataError` if samples of this shape are no images that can be written."""
    if len(shape) != 4 or shape[1] not in (1, 3):
        msg = (
            f"PNG files need samples of shape (n, 1 or 3, height, width), got {tuple(shape)}; write them to a .npy "
            "file instead."
        )
        raise DataError(msg)


def write_images(folder: Path, images: Shaped[Tensor, "n *shape"]) -> None:
    """Write grey or RGB images, clamped to [0, 1], as ``00000000.png`` and on into a folder that is empty or not there.

    All of them appear at once when the last is written. Anything but finite (n, 1 or 3, height, width) is a
    `DataError`.
    """
    check_image_shape(images.shape)
    if not torch.isfinite(images).all():
        msg = "PNG files need finite samples, but the model decoded NaN or infinity; a .npy file would hold them."
        raise DataError(msg)
    image_module = _pillow()
    pixels = images.clamp(0, 1).mul(255).round().to(torch.uint8).movedim(1, 3).cpu().numpy()
    with all_at_once(folder) as scratch:
        for index, image in enumerate(progress_bar(pixels, desc="write", unit="image")):
            picture = image_module.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
            picture.save(scratch / f"{index:08d}.png")


def _pixels(path: Path) -> UInt8[np.ndarray, "channels height width"]:
    """The pixels of one file, channels first."""
    image_module = _pillow()
    try:
        with image_module.open(path) as image:
            mode, pixels = image.mode, np.asarray(image)
    except Exception as error:  # a damaged file makes Pillow raise errors of many kinds
        msg = f"{path} cannot be read as an image: {error}."
        raise DataError(msg) from error
    if mode not in ("L", "RGB"):
        msg = f"{path} has the mode {mode}; convert the images to L (8-bit grey) or RGB first."
        raise DataError(msg)
    return pixels[None] if mode == "L" else pixels.transpose(2, 0, 1)


def _kind(pixels: UInt8[np.ndarray, "channels height width"]) -> str:
    channels, height, width = pixels.shape
    return f"{width}×{height} {'L' if channels == 1 else 'RGB'}"


def _pillow() -> ModuleType:
    try:
        from PIL import Image
    except ImportError as error:
        msg = 'Image files need Pillow: pip install "riemann-sampler[images]". Or use .npy files.'
        raise ArgumentError(msg) from error
    return Image
