"""The arithmetic of the speed benchmark on known numbers."""

import itertools
import os
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.data.synthetic import make_case
from benchmarks.harness import timing
from benchmarks.harness.timing import fitted_exponent, in_own_process, in_processes, seconds_in_turn
from benchmarks.reporting.units import readable_memory, readable_ratio, readable_seconds
from benchmarks.samplers.registry import Entry
from benchmarks.studies.speed import cuda, gradient, growth, race
from benchmarks.studies.speed.counts import dense_operations, moved_bytes, operations, tensor_bytes


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5])
def test_exponents_of_powers(exponent: float) -> None:
    sizes = [10, 30, 500]
    assert fitted_exponent(sizes, [7 * size**exponent for size in sizes]) == pytest.approx(exponent, abs=1e-12)


def test_turns_are_taken_and_the_fastest_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, times = [], {"a": iter([3.0, 1.0, 2.0]), "b": iter([5.0, 6.0, 4.0])}

    class Timer:
        def __init__(self, statement: str, globals: dict[str, Any]) -> None:  # noqa: A002 - the name it has in torch
            assert statement == "function()"
            self._name = globals["function"]

        def blocked_autorange(self, min_run_time: float) -> Any:
            turns.append((self._name, min_run_time))
            return SimpleNamespace(median=next(times[self._name]))

    monkeypatch.setattr(timing, "Timer", Timer)
    assert seconds_in_turn({"first": "a", "second": "b"}, 3, least_seconds=0.5) == {"first": 1.0, "second": 4.0}
    assert turns == [("a", 0.5), ("b", 0.5)] * 3


def test_a_process_has_its_own_environment_and_the_parent_keeps_its() -> None:
    before = dict(os.environ)
    assert in_own_process(os.getenv, "OMP_NUM_THREADS") == "1"
    assert in_own_process(os.getenv, "MARK", variables={"MARK": "here"}) == "here"
    assert in_own_process(os.getpid) != os.getpid()
    assert dict(os.environ) == before


def test_several_processes_answer_in_order_and_errors_are_raised() -> None:
    assert in_processes(abs, [(-number,) for number in range(5)]) == list(range(5))
    with pytest.raises(ZeroDivisionError):
        in_processes(divmod, [(7, 2), (7, 0)])


@pytest.mark.parametrize(
    ("dim", "n_centroids", "expected"),
    [
        (2, 60_000, (100, 60_000)),  # 192 MB
        (64, 100, (100, 100)),  # 328 MB
        (16, 10_000, (26, 10_000)),  # 2 GB: fewer chains
        (64, 60_000, (10, 1_638)),  # 197 GB: fewer of both
        (256, 60_000, (10, 102)),
    ],
)
def test_the_dense_form_is_timed_on_what_fits(dim: int, n_centroids: int, expected: tuple[int, int]) -> None:
    n, k = gradient.affordable(100, n_centroids, dim, 8)
    assert (n, k) == expected
    assert tensor_bytes(n, k, dim, 8) <= gradient.BUDGET


def test_the_scaled_time_is_that_of_all_chains_and_centroids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradient, "seconds_in_turn", lambda *_: {"ours": 0.5, "dense": 2.0, "floor": 0.25})
    monkeypatch.setattr(gradient, "affordable", lambda *_: (20, 30))
    row = gradient.row(3, 150, torch.float64, 1)
    assert row["dense"] == pytest.approx(2.0 * 5 * 5)
    assert row["ratio"] == pytest.approx(100)
    assert row["floor_share"] == 0.5
    assert row["dense_is_scaled"]
    assert row["relative_difference"] < 1e-12


def test_operations_are_those_of_the_products() -> None:
    n, k, dim = 100, 7_000, 4  # three blocks of centroids
    with FlopCounterMode(display=False) as counter:
        gradient.bare_products(n, k, dim, torch.float32)()
    assert counter.get_total_flops() == operations(n, k, dim) - 2 * n * k
    assert moved_bytes(1, 1, 1, 4) == 4 * (9 + 6 + 7)
    assert dense_operations(2, 3, 5) == 2 * (3 * (6 * 25 + 10) + 2 * 125)


def test_cases_have_islands_of_one_width_and_chains_near_centroids() -> None:
    case = make_case(5, 3, 64)
    assert case.scalars["temperature"] / 64**0.5 == pytest.approx(2.5 / 16**0.5)
    assert torch.equal((case.z[:, None] - case.centroids).square().sum(2).argmin(1), torch.tensor([0, 1, 2, 0, 1]))
    part = case.part(2, 1)
    assert torch.equal(part.metric().centroids, case.centroids[:1])
    assert torch.equal(part.z, case.z[:2])


def test_memory_grows_by_multiples_of_the_centroids() -> None:
    rows = [
        {"mib": 10.0, "centroids_mib": 1.0},
        {"mib": 11.0, "centroids_mib": 2.0},
        {"mib": 31.0, "centroids_mib": 8.0},
    ]
    assert growth.memory_slope(rows) == 3.0
    assert growth.memory_slope([*rows, {"mib": None, "centroids_mib": 9.0}]) is None


class Fake:
    """A sampler that takes no time of its own."""

    def fit(self, task: Any, seed: int) -> "Fake":  # noqa: ARG002 - a sampler is called so
        return self

    def sample(self, n_samples: int, seed: int) -> None:
        """Nothing."""


def test_the_race_takes_turns_but_the_slow_have_one() -> None:
    """Three ticks for each run: before, between, after."""
    spans = [(1, 2), (15, 10), (0.9, 5), (1, 0.5)]  # quick, slow, then quick again twice
    ticks = itertools.chain.from_iterable((0.0, fit, fit + sample) for fit, sample in spans)
    entries = {name: Entry(Fake, "ours") for name in ("quick", "slow")}
    rows = race.race(entries, None, 10, 3, clock=lambda: next(ticks))
    assert rows == [
        {"sampler": "quick", "fit": 1, "sample": 0.5, "total": 1.5, "extrapolated": False},
        {"sampler": "slow", "fit": 15, "sample": 10, "total": 25, "extrapolated": False},
    ]
    assert next(ticks, None) is None


def test_shares_of_what_a_device_reaches() -> None:
    """Arithmetic alone: a timer says how long each call took."""
    times = iter([0.5, 2.0, 1.0])
    reached = cuda.ceilings(lambda call: (call(), next(times))[1], "cpu", copy_bytes=1_000, product_size=10)
    assert reached == {"bandwidth": 4_000, "float64": 1_000, "float32": 2_000}
    common = {"timer": lambda call: (call(), 4.0)[1], "device": "cpu"}
    row = cuda.gradient_row(10, 20, 3, torch.float32, **common, reached=reached)
    assert row["bandwidth_share"] == pytest.approx(moved_bytes(10, 20, 3, 4) / 4 / 4_000)
    assert row["operations_share"] == pytest.approx(operations(10, 20, 3) / 4 / 2_000)


def test_without_a_device_cuda_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cuda.measure(timing.Effort()) == {"not_run": "there was no device"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2.5e-6, "2.50 µs"),
        (0.0123, "12.3 ms"),
        (0.99996, "1,000 ms"),
        (119, "119 s"),
        (120, "2.00 min"),
        (7_200, "2.00 h"),
    ],
)
def test_seconds_as_read(seconds: float, text: str) -> None:
    assert readable_seconds(seconds) == text
    assert readable_seconds(seconds, extrapolated=True) == f"≈ {text}"


def test_memory_and_ratios_as_read() -> None:
    assert readable_seconds(0.0) == "–"
    assert [readable_memory(mib) for mib in (None, 12.4, 2_047, 3_072)] == ["–", "12 MiB", "2047 MiB", "3.0 GiB"]
    assert [readable_ratio(ratio) for ratio in (0.5, 9.996, 1_234.5)] == ["0.50 ×", "10.0 ×", "1,234 ×"]
