"""The published dynamics do what is said of them, and the dense form is the gradient."""

import pytest
import torch

from benchmarks.samplers.published import dense_gradient, published_samples
from riemann_sampler import DiagonalMetric
from tests.helpers.builders import generator, normal, precision_diagonals


def test_the_dense_form_is_the_gradient():
    centroids, precisions, z = normal(7, 4), precision_diagonals(7, 4, seed=1), normal(9, 4, seed=2)
    scalars = {"temperature": 1.3, "regularization": 0.05, "decay": 0.1}
    dense = dense_gradient(z, centroids, torch.diag_embed(precisions), **scalars)
    torch.testing.assert_close(dense, DiagonalMetric(centroids, precisions, **scalars).grad_log_volume(z))


def test_where_the_density_is_flat_chains_stray_half_a_unit():
    """100 transitions of length 0.1 with momentum N(0, ¼): a random walk of standard deviation √100 · 0.1 · 0.5."""
    origin = torch.zeros(1, 2, dtype=torch.float64)
    flat = torch.full_like(origin, 1e-12)
    scalars = {"temperature": 1.0, "regularization": 1.0, "n_samples": 4_000, "generator": generator()}
    z = published_samples(origin, origin, flat, **scalars)
    assert z.square().mean().sqrt().item() == pytest.approx(0.5, rel=0.03)
