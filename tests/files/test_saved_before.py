"""What earlier releases saved is read as they would have read it.

`data/saved-0.1` holds a volume law of two labels and an island law, saved by 0.1.0, and numbers that 0.1.0 had of
them; its `make.py` says how it was made. Draws from islands are the same on any machine but for rounding. Chains are
not, since rounding decides about what they accept: of the volume law the density is compared.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from riemann_sampler import DiagonalMetric, FullMetric, RiemannianUniformSampler

FOLDER = Path(__file__).parent / "data" / "saved-0.1"


@cache
def expected() -> Any:
    return json.loads((FOLDER / "expected.json").read_text())


def load(name: str) -> RiemannianUniformSampler:
    return RiemannianUniformSampler.load(FOLDER / name)


def assert_agree(found: Tensor, numbers: Any) -> None:
    wanted = torch.tensor(numbers, dtype=found.dtype)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-8)


def assert_same_metric(metric: Any, numbers: dict[str, Any]) -> None:
    for name in ("temperature", "regularization", "decay"):
        assert getattr(metric, name) == numbers[name]
    assert len(metric.centroids) == numbers["n_centroids"]
    z = torch.tensor(numbers["z"], dtype=torch.float64)
    for name in ("log_volume", "grad_log_volume"):
        assert_agree(getattr(metric, name)(z), numbers[name])


def test_islands_draw_what_they_drew() -> None:
    draws = expected()["draws"]
    samples = load("islands").sample_latents(draws["n_samples"], seed=draws["seed"])
    for name in ("z", "log_density", "nearest_centroid", "nearest_distance"):
        assert_agree(getattr(samples, name), draws[name])
    assert samples.labels is None


def test_the_metric_of_the_islands_is_the_same() -> None:
    sampler = load("islands")
    assert isinstance(sampler.metric_, FullMetric)
    assert_same_metric(sampler.metric_, expected()["islands"])


@pytest.mark.parametrize("label", ["often", "rare"])
def test_the_volume_law_of_each_label_is_the_same(label: str) -> None:
    sampler = load("volume")
    metric = sampler.metric_[label]
    assert isinstance(metric, DiagonalMetric)
    assert sampler.temperature_[label] == expected()["volume"][label]["temperature"]
    assert_same_metric(metric, expected()["volume"][label])


def test_chains_still_run() -> None:
    sampler = load("volume")
    samples = sampler.sample_latents(label={"rare": 3, "often": 40}, seed=0)
    assert samples.labels == ["rare"] * 3 + ["often"] * 40
    for label, rows in {"rare": slice(3), "often": slice(3, None)}.items():
        torch.testing.assert_close(samples.log_density[rows], sampler.metric_[label].log_density(samples.z[rows]))
        assert sampler.diagnostics_[label].n_steps == 8
        assert sampler.diagnostics_[label].acceptance > 0.5


@pytest.mark.parametrize(("name", "n", "dim"), [("volume", 40, 2), ("islands", 30, 3)])
def test_the_codes_are_there(name: str, n: int, dim: int) -> None:
    posterior = load(name).posterior_
    assert posterior.mean.shape == posterior.log_variance.shape == (n, dim)
    # They are three groups, with posteriors of e^{-3} around them.
    assert posterior.mean.std() > 1
    torch.testing.assert_close(posterior.log_variance.mean().item(), -3.0, rtol=0, atol=0.1)


@pytest.mark.parametrize("name", ["volume", "islands"])
def test_saved_again_it_is_the_same_sampler(name: str, tmp_path: Path) -> None:
    sampler = load(name)
    sampler.save(tmp_path)
    again = RiemannianUniformSampler.load(tmp_path)
    assert torch.equal(again.sample_latents(9, seed=1).z, sampler.sample_latents(9, seed=1).z)
