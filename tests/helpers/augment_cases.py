"""Data, samplers and looks at what was changed, for the tests of `LatentAugment`."""

from functools import cache

import torch
from torch import Tensor

from riemann_sampler import RiemannianUniformSampler
from tests.helpers.builders import data, fitted

N = 4000
CLASSES = torch.arange(60) % 2


def codes(x: Tensor) -> Tensor:
    """The positions that `TwoHalves` decoded."""
    torch.testing.assert_close(x[:, 2:], x[:, :2].square())
    return x[:, :2]


@cache
def of_two_classes() -> RiemannianUniformSampler:
    """One with a narrow and a wide class."""
    x = data(60)
    x[CLASSES == 1] = data(30, spread=20.0, log_variance=-6.0)
    return fitted("calibrated", x, CLASSES)


def changed(before: Tensor, after: Tensor) -> Tensor:
    """Rows that are not the same bytes."""
    return (before.contiguous().view(torch.int32) != after.contiguous().view(torch.int32)).any(1)


X = data(60)
