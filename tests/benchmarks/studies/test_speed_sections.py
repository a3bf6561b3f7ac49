"""The sections of the speed benchmark at work on small cases, and what they are made of."""

import time
from pathlib import Path

import pytest
import torch

from benchmarks.data.synthetic import synthetic_posterior
from benchmarks.harness.timing import Effort, in_own_process, in_processes
from benchmarks.samplers.published import published_samples
from benchmarks.samplers.registry import preset
from benchmarks.studies.speed import cuda, ess, extrapolation, gradient, growth, processes, race, scale
from benchmarks.studies.speed.extrapolation import Published, rhvae_seconds
from benchmarks.studies.speed.stub import make_task
from riemann_sampler import RiemannianUniformSampler
from tests.helpers.builders import generator, normal, precision_diagonals


def test_the_published_chains_are_the_same_at_the_published_cost() -> None:
    centroids, precisions = normal(7, 3), precision_diagonals(7, 3, seed=1)
    seen: list[torch.Tensor] = []
    arguments = {"temperature": 1.3, "regularization": 0.05, "n_samples": 20, "n_transitions": 5}
    runs = [
        published_samples(
            centroids, centroids, precisions, generator=generator(), dense=dense, observe=seen.append, **arguments
        )
        for dense in (False, True)
    ]
    torch.testing.assert_close(runs[0], runs[1])
    assert len(seen) == 10
    assert torch.equal(seen[4], runs[0])
    assert (runs[0] - centroids[:, None]).norm(dim=2).amin(0).min() > 1e-3  # they did move


def test_the_stub_encodes_to_the_codes() -> None:
    posterior = synthetic_posterior(200, 3)
    task = make_task(posterior)
    encoded = task.latent.encode(task.train)
    torch.testing.assert_close(encoded.mean, posterior.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(encoded.log_variance, posterior.log_variance, atol=1e-5, rtol=0)
    assert (task.train.min(), task.train.max()) == (0, 1)


@pytest.mark.usefixtures("without_type_checks")
def test_every_contender_runs() -> None:
    task = make_task(synthetic_posterior(300, 2))
    entries = race.contenders(1) | {"ours: uniform": preset("uniform", n_centroids=20)}
    entries.pop("ours: uniform, float32")
    rows = race.race(entries, task, 30, 1)
    assert [row["sampler"] for row in rows] == list(entries)
    assert all(row["total"] == row["fit"] + row["sample"] > 0 for row in rows)


def test_extrapolated_times_grow_with_the_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    published = Published(synthetic_posterior(150, 2))
    monkeypatch.setattr(published, "_transition_seconds", iter([3.0, 2.0, 5.0]).__next__)
    assert published.sample_seconds(1_000, 3) == 2.0 * 100 * 10
    assert rhvae_seconds(synthetic_posterior(50, 2), 40) > 0


def test_r_hat_of_the_published_chains_says_that_they_stay_where_they_start() -> None:
    assert Published(synthetic_posterior(300, 8)).log_volume_r_hat(100) > 1.2


def test_r_hat_is_that_of_the_second_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extrapolation, "split_r_hat", lambda trace: trace.shape)
    assert Published(synthetic_posterior(150, 2)).log_volume_r_hat(3) == (50, 3)


def test_the_stream_is_the_same_at_every_pass() -> None:
    stream = scale.Stream(3 * scale.BATCH, 2)
    first, second = list(stream), list(stream)
    assert [tuple(batch.shape) for batch in first] == [(scale.BATCH, 4)] * 3
    assert all(map(torch.equal, first, second))
    assert not torch.equal(first[0], first[1])


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured on Linux alone")
def test_anonymous_memory_is_seen() -> None:
    growth_mib = in_own_process(watch_while_held, 200)
    assert growth_mib == pytest.approx(200, abs=30)


def watch_while_held(mib: int) -> float | None:
    with scale.AnonymousMemory() as memory:
        held = torch.ones(mib * 2**20 // 4)
        time.sleep(0.2)
        del held
    return memory.growth_mib()


@pytest.mark.slow
def test_gradient_of_a_small_case() -> None:
    row = gradient.row(64, 100, torch.float64, 1)
    assert 0 < row["floor"] < row["dense"]
    assert row["ratio"] > 30
    assert row["relative_difference"] < 1e-4
    check = gradient.check(8, 100, 2**18, 1)
    assert check["timed_on"] == [10, 51]
    assert 0.1 < check["ratio"] < 10


@pytest.mark.slow
def test_small_chains_converge() -> None:
    found = race.converged(synthetic_posterior(500, 2), 200, 1)
    assert found["is_converged"]
    assert found["rows"][-1]["log_volume_r_hat"] < 1.01 < found["rows"][0]["log_volume_r_hat"]
    assert found["ratio_sampling"] > 1


@pytest.mark.slow
def test_effective_samples_of_a_small_case() -> None:
    row = ess.row(2, 10, n_draws=64, rounds=1)
    assert row["draws_per_second"] == pytest.approx(64 / row["seconds"])
    assert row["effective_per_second"] == pytest.approx(row["effective_sample_size"] / row["seconds"])
    assert 0.9 < row["log_volume_r_hat"] < 1.2


@pytest.mark.slow
def test_growth_of_small_cases() -> None:
    found = growth.times("n_chains", growth.Axis((64, 4_096), {"n_centroids": 200, "dim": 4}), 1)
    assert found["exponent"] > 0.2
    assert found["seconds"][1] > found["seconds"][0]
    row = in_own_process(growth.peak_memory, 200, 4, 10)
    assert row["centroids_mib"] == pytest.approx(200 * 4 * 8 / 2**20)
    assert row["mib"] is None or row["fit_mib"] <= row["mib"] < 500


@pytest.mark.slow
def test_two_processes_write_the_files_of_one(tmp_path: Path) -> None:
    RiemannianUniformSampler(n_centroids=10).fit(synthetic_posterior(100, 2)).save(tmp_path / "fitted")
    written = []
    for size in (1, 2):
        output = tmp_path / f"samples-{size}"
        seconds = in_processes(
            processes.sample_seconds, [(rank, size, tmp_path / "fitted", output, 16) for rank in range(size)]
        )
        assert len(seconds) == size
        assert min(seconds) > 0
        written.append(processes.contents(output))
    assert written[0] == written[1]
    assert sum(name.endswith(".npy") for name in written[0]) == processes.N_SHARDS


@pytest.mark.slow
def test_a_short_stream_is_fitted() -> None:
    found = in_own_process(scale.fit_stream, 3 * scale.BATCH, 20, scale.CASES["cluster, full"])
    assert found["seconds"] > 0
    assert found["codes_mib"] == pytest.approx(3 * scale.BATCH * scale.DIM * 8 / 2**20)
    assert found["anonymous_mib"] is None or 0 < found["anonymous_mib"] < 1_000


@pytest.mark.slow
def test_sampling_is_timed_as_on_a_device() -> None:
    row = cuda.sampling_row(20, 2, 50, torch.float32, timer=lambda call: (call(), 4.0)[1], device="cpu")
    assert row["samples_per_second"] == 12.5
    assert row["log_volume_r_hat"] < 1.3
    if torch.cuda.is_available():
        assert cuda.measure(Effort(quick=True))["gradient"][0]["bandwidth_share"] > 0
