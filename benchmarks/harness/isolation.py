"""Work that leaves no trace in the process: random states, logs, warnings."""

import logging
import os
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import numpy as np
import torch

__all__ = ["set_apart"]


@contextmanager
def set_apart(seed: int = 0) -> Iterator[None]:
    """Seeded and quiet inside: log lines, warnings and progress bars are dropped, the global random states put back."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            open(os.devnull, "w") as nowhere,  # noqa: PTH123
            redirect_stderr(nowhere),
            redirect_stdout(nowhere),
            warnings.catch_warnings(action="ignore"),
            torch.random.fork_rng(devices=[]),
        ):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            torch.manual_seed(seed)
            yield
    finally:
        logging.disable(disabled)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
