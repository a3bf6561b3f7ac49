"""Seconds that can be compared: measured in turn, on known threads, in a process that did nothing else before.

Of several turns the fastest counts: the same work is done in each, and what else a machine does only adds to its time.
"""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeVar
from unittest.mock import patch

import numpy as np
from torch.utils.benchmark import Timer

__all__ = ["ONE_THREAD", "Effort", "fitted_exponent", "in_own_process", "in_processes", "seconds_in_turn"]

Result = TypeVar("Result")

ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Environment variables under which torch, numpy and scikit-learn use a single thread."""


@dataclass(frozen=True)
class Effort:
    """How much a run measures.

    Attributes:
        quick: Small sizes and single rounds, to see that everything works.
        flow_epochs: Passes over the codes in which pythae trains flows and second stages.
    """

    quick: bool = False
    flow_epochs: int = 100

    @property
    def rounds(self) -> int:
        """How often everything takes its turn."""
        return 1 if self.quick else 5


def seconds_in_turn(
    functions: Mapping[str, Callable[[], Any]], rounds: int, *, least_seconds: float = 0.2
) -> dict[str, float]:
    """Seconds of a call on one thread; the functions take turns, so that drifts of the machine meet them all.

    Args:
        functions: What is called, by name.
        rounds: Turns of each.
        least_seconds: How long a function is called in a turn, at the least.

    Returns:
        Seconds by name: the median of the calls in a turn, of the fastest turn.
    """
    timers = {name: Timer("function()", globals={"function": function}) for name, function in functions.items()}
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer.blocked_autorange(min_run_time=least_seconds).median)
    return {name: min(values) for name, values in times.items()}


def fitted_exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The p of value ∝ size^p, by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def in_own_process(
    function: Callable[..., Result], *arguments: object, variables: Mapping[str, str] = ONE_THREAD
) -> Result:
    """What a function returns in a fresh process with these environment variables."""
    return in_processes(function, [arguments], variables=variables)[0]


def in_processes(
    function: Callable[..., Result],
    calls: Sequence[tuple[object, ...]],
    *,
    variables: Mapping[str, str] = ONE_THREAD,
) -> list[Result]:
    """What a function returns for each of several arguments, side by side in fresh processes, one for each.

    Args:
        function: A function of a module.
        calls: Its arguments in each process.
        variables: Environment variables of each process, beside those there are.

    Returns:
        The results in the order of the calls. The first error of any process is raised.
    """
    pool = ProcessPoolExecutor(len(calls), mp_context=multiprocessing.get_context("spawn"))
    with patch.dict(os.environ, variables), pool:
        futures = [pool.submit(function, *arguments) for arguments in calls]
        done, _ = wait(futures, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
    return [future.result() for future in futures]
