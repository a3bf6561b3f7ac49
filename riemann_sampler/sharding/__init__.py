"""Encode and sample on many processes, into folders of shards."""

from .batch_encoder import BatchEncoder
from .tasks import encode_shards, read_codes, sample_shards

__all__ = ["BatchEncoder", "encode_shards", "read_codes", "sample_shards"]
