"""Fixtures that every test shares."""

import random
import signal
from collections.abc import Iterator

import jaxtyping
import numpy as np
import pytest
import torch

from tests.helpers.type_checks import TypeChecks

NO_CUDA = "no CUDA device"

type_checks = TypeChecks()
type_checks.install()


def pytest_report_header() -> str:
    found = torch.cuda.get_device_name() if torch.cuda.is_available() else f"skipped, {NO_CUDA}"
    return f"CUDA tests: {found}"


@pytest.fixture(autouse=True)
def _type_checks_begin_anew() -> None:
    type_checks.begin_test()


@pytest.fixture(autouse=True)
def _global_random_state_untouched(request: pytest.FixtureRequest) -> Iterator[None]:
    # The run-time type checks draw from Python's generator themselves, so it can be watched only without them.
    watched = [_torch_state, _numpy_state]
    if "without_type_checks" in request.fixturenames:
        watched.append(random.getstate)
    before = [state() for state in watched]
    yield
    changed = [state.__name__ for state, then in zip(watched, before, strict=True) if state() != then]
    assert not changed, "the test, or what it called, changed a global random state"


def _torch_state() -> bytes:
    return torch.get_rng_state().numpy().tobytes()


def _numpy_state() -> tuple[object, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return name, keys.tobytes(), *rest


@pytest.fixture(
    params=["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_CUDA))]
)
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def without_type_checks() -> Iterator[None]:
    """Run as users do: arguments of a wrong type or shape reach our own messages, not the annotations' checks."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Interrupts as a terminal sends them: shells let jobs in the background, and what these start, ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
