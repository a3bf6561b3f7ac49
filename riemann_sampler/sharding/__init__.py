"""Encode and sample on many processes, into folders of shards."""

from .tasks import encode_shards, read_codes, sample_shards

__all__ = ["encode_shards", "read_codes", "sample_shards"]
