"""Curves on the manifold: line elements, shortest paths, exponential and logarithmic maps."""
