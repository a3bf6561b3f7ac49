"""The metrics far from the data, at random, and on many centroids."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from riemann_sampler import DiagonalMetric
from tests.helpers import reference
from tests.helpers.builders import METRICS, moved, normal

FLOORS = {
    "islands": {"regularization": 1e-3, "decay": 1e3},
    "floor": {"regularization": 1e3, "decay": 1e-12},
    "tiny floor": {"regularization": 1e-200, "decay": 1e-9},
}


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("structure", METRICS)
@pytest.mark.parametrize(("distance", "tolerance"), [(10.0, 1e-10), (100.0, 1e-9), (1e4, 1e-6)])
def test_tails(structure: str, floor: str, distance: float, tolerance: float) -> None:
    metric = METRICS[structure](k=4, dim=3, **FLOORS[floor])
    directions = torch.nn.functional.normalize(normal(3, 3, seed=3))
    z = distance * directions
    exact = torch.tensor([reference.exact_log_volume(metric, row) for row in z], dtype=torch.float64)
    torch.testing.assert_close(metric.log_volume(z), exact, rtol=tolerance, atol=0)
    gradient = torch.stack([reference.exact_gradient(metric, row) for row in z])
    torch.testing.assert_close(metric.grad_log_volume(z), gradient, rtol=tolerance, atol=1e-11)


@pytest.mark.parametrize("structure", METRICS)
def test_where_floor_and_islands_meet(structure: str) -> None:
    """On a ray, the floor takes over from the islands somewhere; both count there."""
    metric = METRICS[structure](k=4, dim=3, regularization=1e-6, decay=1e-3)
    z = torch.linspace(0, 12, 25, dtype=torch.float64)[:, None] * torch.tensor([0.6, -0.64, 0.48], dtype=torch.float64)
    exact = torch.tensor([reference.exact_log_volume(metric, row) for row in z], dtype=torch.float64)
    torch.testing.assert_close(metric.log_volume(z), exact, rtol=1e-11, atol=1e-11)
    gradient = torch.stack([reference.exact_gradient(metric, row) for row in z])
    torch.testing.assert_close(metric.grad_log_volume(z), gradient, rtol=1e-10, atol=1e-10)
    floor_alone = 1.5 * (torch.tensor(1e-6).log() - 1e-3 * z.square().sum(1))
    excess = exact - floor_alone
    assert excess[0] > 1  # the islands hold the start
    assert excess[-1] < 1e-3  # and the floor the end


@pytest.mark.parametrize("structure", METRICS)
def test_the_volume_is_differentiable_in_the_tails(structure: str) -> None:
    metric = METRICS[structure](k=4, dim=3, **FLOORS["islands"])
    z = (100 * normal(3, 3, seed=3)).requires_grad_()
    (gradient,) = torch.autograd.grad(metric.log_volume(z).sum(), z)
    torch.testing.assert_close(gradient, metric.grad_log_volume(z.detach()), rtol=1e-10, atol=0)


@pytest.mark.parametrize("structure", METRICS)
def test_single_precision_in_the_tails(structure: str) -> None:
    metric = METRICS[structure](k=4, dim=3, **FLOORS["floor"])
    z = 1000 * normal(3, 3, seed=3)
    single = moved(metric, torch.float32)
    torch.testing.assert_close(single.log_volume(z.float()).double(), metric.log_volume(z), rtol=1e-5, atol=0)


@st.composite
def metrics(draw: st.DrawFn) -> Any:
    """A metric of either structure whose scalars and spread vary over decades."""
    scalars = {
        "temperature": draw(st.floats(0.3, 3)),
        "regularization": 10 ** draw(st.floats(-8, 2)),
        "decay": 10 ** draw(st.floats(-4, 1)),
        "volume_exponent": draw(st.floats(0.2, 3)),
    }
    structure, seed = draw(st.sampled_from(sorted(METRICS))), draw(st.integers(0, 1000))
    k, dim, spread = draw(st.integers(1, 8)), draw(st.integers(1, 5)), draw(st.floats(0, 3))
    return METRICS[structure](k=k, dim=dim, seed=seed, spread=spread, **scalars)


@settings(max_examples=60, deadline=None)
@given(metric=metrics(), seed=st.integers(0, 1000), scale=st.floats(0, 3))
def test_any_metric_equals_its_twin(metric: Any, seed: int, scale: float) -> None:
    z = scale * normal(4, metric.dim, seed=seed)
    log_volume, gradient = metric.log_volume(z), metric.grad_log_volume(z)
    assert log_volume.isfinite().all()
    torch.testing.assert_close(log_volume, reference.log_volume(metric, z), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(gradient, reference.grad_log_volume(metric, z), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(metric.log_density(z), metric.volume_exponent * log_volume)


MEMORY_SCRIPT = """
import resource, torch
from riemann_sampler import DiagonalMetric
g = torch.Generator().manual_seed(0)
K, n, dim = 60_000, 1_000, 32
centroids = torch.randn(K, dim, generator=g, dtype=torch.float64)
metric = DiagonalMetric(centroids, torch.ones_like(centroids), temperature=4.0, regularization=1e-3, decay=0.1)
z = torch.randn(n, dim, generator=g, dtype=torch.float64)
metric.grad_log_volume(z[:1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
gradient = metric.grad_log_volume(z)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, bool(gradient.isfinite().all()))
"""


@pytest.mark.slow
def test_many_centroids_and_chains_take_little_memory() -> None:
    """60,000 centroids × 1,000 chains × 32 axes are 15 GB if formed, and two blocks of their weights 1 GB."""
    output = subprocess.run([sys.executable, "-c", MEMORY_SCRIPT], capture_output=True, text=True, check=True).stdout
    rise, finite = output.split()
    assert int(rise) < 2**28
    assert finite == "True"


def test_many_centroids_equal_the_twin() -> None:
    centroids = normal(3000, 2)
    metric = DiagonalMetric(centroids, torch.ones_like(centroids), temperature=0.3, regularization=1e-3, decay=0.1)
    z = normal(200, 2, seed=1)  # two and more blocks
    torch.testing.assert_close(metric.log_volume(z), reference.log_volume(metric, z), rtol=1e-10, atol=1e-10)
