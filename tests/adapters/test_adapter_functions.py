"""Functions as a model: spreads, and what the functions must return."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from riemann_sampler.adapters import FunctionAdapter
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, DataError, RiemannSamplerError
from riemann_sampler.protocols import GaussianPosterior

ROWS = torch.arange(12.0).reshape(4, 3)


def functions(**changes: Any) -> FunctionAdapter:
    return FunctionAdapter(**({"encode": lambda x: (x, x), "decode": lambda z: z, "latent_dim": 3} | changes))


@pytest.mark.parametrize(
    ("spread", "of_log_variance"),
    [("log_variance", lambda v: v), ("variance", torch.exp), ("std", lambda v: (v / 2).exp())],
    ids=["log_variance", "variance", "std"],
)
def test_every_spread_becomes_a_log_variance(spread: Any, of_log_variance: Callable[[Tensor], Tensor]) -> None:
    log_variance = torch.linspace(-40, 4, 12, dtype=torch.float64).reshape(4, 3)
    adapter = functions(encode=lambda x: (x, of_log_variance(log_variance)), spread=spread)
    posterior = adapter.encode(log_variance + 1)
    torch.testing.assert_close(posterior.log_variance, log_variance)
    assert torch.equal(posterior.mean, log_variance + 1)


@pytest.mark.parametrize("spread", ["variance", "std"])
@pytest.mark.parametrize(
    ("value", "shown"), [(0.0, "0"), (-0.25, r"-0\.25"), (float("nan"), "nan")], ids=["zero", "negative", "nan"]
)
def test_spreads_that_are_not_positive_are_refused(spread: Any, value: float, shown: str) -> None:
    deviation = torch.ones(4, 3)
    deviation[2, 1] = value
    adapter = functions(encode=lambda x: (x, deviation), spread=spread)
    with pytest.raises(
        DataError, match=rf'returned a {spread} that is not positive \(its minimum is {shown}\).*"log_v'
    ):
        adapter.encode(ROWS)


def test_negative_log_variances_are_welcome() -> None:
    assert functions(encode=lambda x: (x, -x)).encode(ROWS).log_variance.min() == -11


def test_a_posterior_holds_log_variances_whatever_was_said() -> None:
    adapter = functions(encode=lambda x: GaussianPosterior(x, x + 1), spread="std")
    with pytest.raises(DataError, match="GaussianPosterior, which holds log-variances, but spread is 'std'"):
        adapter.encode(ROWS)
    assert functions(encode=lambda x: GaussianPosterior(x, x)).encode(ROWS).mean.shape == ROWS.shape


def test_functions_get_their_inputs_as_they_come() -> None:
    received = []

    def encode(x: Any) -> tuple[Tensor, Tensor]:
        received.append(x)
        return ROWS, ROWS

    for x in (ROWS.numpy(), ["a", "b"], {"data": ROWS}):
        functions(encode=encode).encode(x)
        assert received[-1] is x


def test_functions_run_without_gradients() -> None:
    def enabled(x: Tensor) -> Tensor:
        return torch.full_like(x, float(torch.is_grad_enabled()))

    adapter = functions(encode=lambda x: (enabled(x), x), decode=enabled)
    assert not adapter.encode(ROWS).mean.any()
    assert not adapter.decode(ROWS).any()


def test_outputs_that_require_gradients_are_detached() -> None:
    weight = torch.ones(4, 3, requires_grad=True)
    adapter = functions(encode=lambda x: (x, weight), decode=lambda z: weight)  # noqa: ARG005
    assert not adapter.encode(ROWS).log_variance.requires_grad
    assert not adapter.decode(ROWS).requires_grad


def test_functions_that_return_something_else_are_refused() -> None:
    with pytest.raises(DataError, match=r"encode returned .*, not a pair of tensors \(mean, std\)") as error:
        functions(encode=lambda x: x, spread="std").encode(ROWS)
    assert "FunctionAdapter" not in str(error.value)  # no way out: this is it
    with pytest.raises(DataError, match=r"mean of shape \(4, 3\) and a variance of shape \(4, 2\)"):
        functions(encode=lambda x: (x, x[:, :2]), spread="variance").encode(ROWS)
    with pytest.raises(DataError, match=r"codes of shape \(3,\), but latent_dim is 2"):
        functions(latent_dim=2).encode(ROWS)
    with pytest.raises(DataError, match=r"not floating-point tensors \(mean, log_variance\)\.$"):
        functions(encode=lambda x: (x, x.long())).encode(ROWS)
    with pytest.raises(DataError, match="decode returned an object of type NoneType, not a tensor"):
        functions(decode=lambda z: None).decode(ROWS)  # noqa: ARG005


def test_functions_that_fail_are_explained_and_the_cause_is_kept() -> None:
    with pytest.raises(DataError, match=r"^encode failed on a dict of 1 .*KeyError: 'image'\.$") as error:
        functions(encode=lambda x: x["image"]).encode({"data": ROWS})
    assert isinstance(error.value.__cause__, KeyError)
    with pytest.raises(DataError, match=r"^decode failed on a torch\.float32 tensor of shape \(4, 3\): RuntimeError"):
        functions(decode=lambda z: z.reshape(5, 7)).decode(ROWS)


@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"spread": "sigma"}, ArgumentError, "spread must be one of 'log_variance', 'variance', 'std'; got 'sigma'"),
        ({"latent_dim": 0}, ArgumentError, "latent_dim must be at least 1, got 0"),
        ({"latent_dim": True}, ArgumentTypeError, "latent_dim must be a whole number, got True"),
        ({"latent_dim": 2.5}, ArgumentTypeError, r"latent_dim must be a whole number, got 2\.5 of type float"),
        ({"encode": "mean"}, ArgumentTypeError, "encode must be a function, got 'mean' of type str"),
        ({"decode": None}, ArgumentTypeError, "decode must be a function, got None of type NoneType"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], error: type[RiemannSamplerError], message: str) -> None:
    with pytest.raises(error, match=message):
        functions(**arguments)
