"""Reading and writing: arrays, images, folders of fitted samplers; every file appears whole or not at all."""

from .arrays import describe, read_array, read_data, read_labels, write_array
from .atomic import SCRATCH_PREFIX, all_at_once
from .images import check_image_shape, write_images
from .sampler_folder import read_sampler_folder, write_sampler_folder
from .tensor_bytes import byte_chunks, write_bytes

__all__ = [
    "SCRATCH_PREFIX",
    "all_at_once",
    "byte_chunks",
    "check_image_shape",
    "describe",
    "read_array",
    "read_data",
    "read_labels",
    "read_sampler_folder",
    "write_array",
    "write_bytes",
    "write_images",
    "write_sampler_folder",
]
