"""Posteriors beyond the memory budget are fitted as those in memory are, in memory that does not grow with them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import pairwise_distances_argmin_min
from torch.utils.data import DataLoader, TensorDataset

from riemann_sampler import GaussianPosterior, RiemannianUniformSampler, StorageError
from riemann_sampler.encoding import StreamedPosteriors
from riemann_sampler.encoding import posterior_store as stores_module
from riemann_sampler.errors import ArgumentError, ArgumentTypeError
from riemann_sampler.laws import fit as fitting_module
from riemann_sampler.metric import centroids as centroids_module
from riemann_sampler.metric.centroids import cluster_centroids, posterior_centroids
from tests.helpers import reference
from tests.helpers.builders import SETUPS, data, fitted, normal, posterior
from tests.helpers.processes import in_group
from tests.helpers.scale_run import DIM, N_GROUPS, batch

ROOT = Path(__file__).parents[2]


def assert_same_law(first: RiemannianUniformSampler, second: RiemannianUniformSampler, **label: Any) -> None:
    one, other = (sampler.sample_latents(15, seed=3, **label) for sampler in (first, second))
    assert one.z.dtype == other.z.dtype
    assert torch.equal(one.z, other.z)
    assert torch.equal(one.log_density, other.log_density)


@pytest.mark.parametrize("setup", SETUPS)
def test_beyond_the_budget_the_law_is_the_same(setup: str) -> None:
    within, beyond = fitted(setup), fitted(setup, memory_budget=1)
    assert_same_law(within, beyond)
    assert all(torch.equal(a, b) for a, b in zip(within.posterior_, beyond.posterior_, strict=True))


def test_beyond_the_budget_labels_have_the_same_laws(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = [i % 2 for i in range(60)]
    within = fitted("uniform", labels=labels)
    files = []
    plain = stores_module.tempfile.TemporaryFile
    monkeypatch.setattr(stores_module.tempfile, "TemporaryFile", lambda **k: (files.append(1), plain(**k))[1])
    beyond = fitted("uniform", DataLoader(TensorDataset(data()), batch_size=7), labels, memory_budget=1)
    assert len(files) == 6  # of all posteriors, and of those of each label
    for label in (0, 1):
        assert_same_law(within, beyond, label=label)


def test_a_full_disk_leaves_the_fit_before(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = fitted("calibrated", memory_budget=1)
    before = sampler.sample_latents(5, seed=0).z

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stores_module, "write_bytes", fail)
    with pytest.raises(StorageError, match=r"memory_budget=1 .* No space left on device\. .*TMPDIR"):
        sampler.fit(data(seed=3))
    assert torch.equal(sampler.sample_latents(5, seed=0).z, before)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(("bad", "error"), [(0, ArgumentError), (-3, ArgumentError), (2.0**30, ArgumentTypeError)])
def test_budgets_without_meaning(bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^memory_budget must be "):
        RiemannianUniformSampler(memory_budget=bad)


def test_a_chain_starts_at_one_of_so_many_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting_module, "MANY_CODES", 40)
    starts = fitted("paper")._fitted.laws[None].starts
    codes = data()[:, :2].double()
    assert len(starts) == 40
    assert (starts[:, None] == codes).all(2).any(1).all()


@pytest.fixture
def _few_is_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred codes are reduced as millions are, by a subset of eighty."""
    monkeypatch.setattr(centroids_module, "MINI_BATCH_ABOVE", 60)
    monkeypatch.setattr(centroids_module, "CODES_PER_CENTRE", 20)


@pytest.mark.usefixtures("_few_is_many")
class TestManyCodes:
    def codes(self) -> tuple[GaussianPosterior, torch.Tensor]:
        """Four groups 20 apart, of 90, 70, 50 and 30 codes."""
        group = torch.repeat_interleave(torch.arange(4), torch.tensor([90, 70, 50, 30]))
        mean = normal(240, 3, seed=1)
        mean[:, 0] += 20.0 * group
        return GaussianPosterior(mean, -2 + 0.3 * normal(240, 3, seed=2)), group

    @pytest.mark.parametrize("full", [False, True], ids=["diagonal", "full"])
    def test_clusters_have_the_moments_of_all_their_codes(self, full: bool) -> None:
        codes, group = self.codes()
        clusters = cluster_centroids(StreamedPosteriors(codes), 4, 0, full=full)
        order = clusters.means[:, 0].argsort()
        means, covariances = reference.cluster_moments(codes.mean, codes.log_variance.exp(), group)
        assert clusters.sizes[order].tolist() == [90.0, 70.0, 50.0, 30.0]
        torch.testing.assert_close(clusters.means[order], means)
        wanted = covariances if full else covariances.diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(clusters.covariances[order], wanted)

    def test_centroids_are_codes_near_the_middle_of_their_group(self) -> None:
        codes, group = self.codes()
        found = posterior_centroids(StreamedPosteriors(codes), 4, 0)
        rows = (found.means[:, None] == codes.mean).all(2).nonzero()[:, 1]
        assert group[rows].sort().values.tolist() == [0, 1, 2, 3]
        assert torch.equal(found.covariances, codes.log_variance.exp()[rows])
        for row in rows:
            own = codes.mean[group == group[row]]
            assert (codes.mean[row] - own.mean(0)).norm() < (own - own.mean(0)).norm(dim=1).quantile(0.2)


def law_in_world() -> list[list[float]]:
    return law(dist.group.WORLD)


def law(group: Any) -> list[list[float]]:
    """Centroids, precisions and draws of every way to reduce the codes."""
    found = []
    for covariance, structure in (("posterior", "diagonal"), ("cluster", "diagonal"), ("cluster", "full")):
        sampler = RiemannianUniformSampler(
            n_centroids=10,
            centroid_covariance=covariance,
            covariance_structure=structure,
            temperature=1.0,
            n_steps=5,
            n_warmup=5,
        )
        sampler.fit(posterior(200, 3), group=group)
        parts = (sampler.metric_.centroids, sampler.metric_.precisions, sampler.sample_latents(5, seed=0).z)
        found += [part.flatten().tolist() for part in parts]
    return found


def test_every_process_of_a_group_ends_with_the_same_law(tmp_path: Path) -> None:
    assert in_group(2, tmp_path, law_in_world) == [law(None)] * 2


@pytest.fixture(scope="module")
def scale_run() -> dict[str, Any]:
    """What a process found that fitted two million posteriors, 512 MB, with 400 MiB for them and all else."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.scale_run"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=570,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.mark.slow
class TestTwoMillion:
    def test_every_code_is_in_a_cluster(self, scale_run: dict[str, Any]) -> None:
        assert sum(scale_run["sizes"]) == pytest.approx(2_000_000, rel=1e-12)
        assert 0.95 * N_GROUPS < len(scale_run["sizes"]) <= N_GROUPS

    def test_clusters_are_as_narrow_as_scikit_learns(self, scale_run: dict[str, Any]) -> None:
        train, test = (batch(60_000, seed)[:, :DIM].numpy().astype(np.float64) for seed in (3, 4))
        model = MiniBatchKMeans(N_GROUPS, n_init=1, random_state=0).fit(train)
        own, other = (
            float(np.mean(pairwise_distances_argmin_min(test, centres)[1] ** 2))
            for centres in (np.array(scale_run["clusters"]), model.cluster_centers_)
        )
        assert own < 1.03 * other
        assert scale_run["scatter"] == pytest.approx(own, rel=0.02)

    def test_centroids_are_codes_near_the_clusters(self, scale_run: dict[str, Any]) -> None:
        assert 0.95 * N_GROUPS <= len(scale_run["centroids"]) <= N_GROUPS

    def test_it_is_a_limit(self) -> None:
        """With the posteriors in memory the same process fails."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.helpers.scale_run", "in memory"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert "allocate memory" in done.stderr or "MemoryError" in done.stderr
