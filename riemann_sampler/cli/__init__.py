"""The command line, ``riemann-sampler``."""

from .main import main

__all__ = ["main"]
