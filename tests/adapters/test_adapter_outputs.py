"""The Gaussians that encoders return, in any of their forms, and what is no Gaussian."""

from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Laplace, Normal

from riemann_sampler.adapters import ModuleAdapter
from riemann_sampler.errors import DataError
from riemann_sampler.protocols import GaussianPosterior
from tests.helpers.models import Codec

WAY_OUT = r"FunctionAdapter\(encode="

ROWS = torch.arange(12.0).reshape(4, 3)


class Posterior(NamedTuple):
    """What an encoder of three outputs may return."""

    mu: Tensor
    std: Tensor
    features: Tensor


STD = (-ROWS / 2).exp()


GAUSSIANS: dict[str, Any] = {
    "tuple": (ROWS, -ROWS),
    "list": [ROWS, -ROWS],
    "posterior": GaussianPosterior(ROWS, -ROWS),
    "mu and logvar": {"mu": ROWS, "logvar": -ROWS, "z": ROWS + 1},
    "mean and variance": {"variance": STD**2, "mean": ROWS},
    "loc and scale": {"loc": ROWS, "scale": STD},
    "named tuple": Posterior(mu=ROWS, std=STD, features=ROWS + 1),
    "normal": Normal(ROWS, STD),
    "independent": Independent(Normal(ROWS, STD), 1),
    "twice independent": Independent(Independent(Normal(ROWS[:, None], STD[:, None]), 1), 1),
}


@pytest.mark.parametrize("kind", GAUSSIANS)
def test_a_gaussian_may_come_in_many_forms(kind: str) -> None:
    posterior = ModuleAdapter(Codec(lambda x: GAUSSIANS[kind])).encode(ROWS)  # noqa: ARG005
    assert torch.equal(posterior.mean, ROWS)
    torch.testing.assert_close(posterior.log_variance, -ROWS)


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        (ROWS, r"a torch\.float32 tensor of shape \(4, 3\), not a pair"),
        ((ROWS, ROWS, ROWS), r"a tuple of 3 \((a torch\.float32 tensor of shape \(4, 3\)(, )?){3}\), not a pair"),
        ((ROWS, ROWS.long()), r"a tuple of 2 \(.*, a torch\.int64 tensor of shape \(4, 3\)\), not floating-point"),
        ((ROWS, None), r"a tuple of 2 \(.*, an object of type NoneType\), not floating-point"),
        ([ROWS] * 9, r"a list of 9 \((a torch\.float32 tensor of shape \(4, 3\), ){4}\.\.\.\), not a pair"),
        ({"mu": ROWS, "sd": ROWS}, r"entries 'mu', 'sd'; the mean must be called 'mean', 'mu'.*its spread 'log_var"),
        ({}, r"entries \(none\); the mean must"),
        ({"mu": ROWS, "std": None}, r"a tuple of 2 \(.*NoneType\), not floating-point"),
        (Laplace(ROWS, STD), "a Laplace distribution; only Normal"),
        (Independent(Laplace(ROWS, STD), 1), "a Laplace distribution; only Normal"),
    ],
    ids=["tensor", "triple", "integers", "none", "long", "names", "empty", "nothing", "laplace", "independent laplace"],
)
def test_an_encoder_that_returns_no_gaussian_is_refused(returned: object, shown: str) -> None:
    adapter = ModuleAdapter(Codec(lambda x: returned))  # noqa: ARG005
    with pytest.raises(DataError, match=rf"(?s)encode returned {shown}.*{WAY_OUT}"):
        adapter.encode(ROWS)


@pytest.mark.parametrize(
    ("returned", "meaning"),
    [({"mu": ROWS, "sigma": ROWS - 1}, "std"), ({"mu": ROWS, "var": ROWS - 1}, "variance")],
    ids=["std", "variance"],
)
def test_a_named_spread_must_be_positive(returned: object, meaning: str) -> None:
    with pytest.raises(DataError, match=rf"a {meaning} that is not positive \(its minimum is -1\)"):
        ModuleAdapter(Codec(lambda x: returned)).encode(ROWS)  # noqa: ARG005


@pytest.mark.parametrize(
    ("mean", "log_variance"),
    [(ROWS, ROWS[:, :2]), (ROWS, ROWS[:1]), (ROWS[:3], ROWS[:3]), (ROWS[0], ROWS[0])],
    ids=["dims", "rows", "batch", "one axis"],
)
def test_posteriors_of_wrong_shapes_are_refused(mean: Tensor, log_variance: Tensor) -> None:
    adapter = ModuleAdapter(Codec(lambda x: (mean, log_variance)))  # noqa: ARG005
    with pytest.raises(DataError, match=r"must be \(batch, dim\), one row for each row of the input") as error:
        adapter.encode(ROWS)
    for shape in (mean.shape, log_variance.shape, ROWS.shape):
        assert str(tuple(shape)) in str(error.value)
