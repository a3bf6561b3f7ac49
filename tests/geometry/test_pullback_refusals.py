"""What cannot be compared with the decoder's precisions, and why."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from riemann_sampler import DataError, UnsupportedModelError
from riemann_sampler.adapters import FunctionAdapter
from riemann_sampler.errors import ArgumentError
from riemann_sampler.geometry.pullback import pullback_calibration
from tests.helpers.decoders import CODES, DIM, Decoding, W, curved, exact_data, linear


class _OnceOnly(torch.autograd.Function):
    """A layer whose backward pass has none itself."""

    @staticmethod
    def forward(_: Any, z: Tensor) -> Tensor:
        return 2 * z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return 2 * gradient


ROUGH: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "numpy": (lambda z: torch.from_numpy(z.numpy() * 2), r"Can't call numpy\(\) on Tensor that requires grad"),
    "detached": (lambda z: linear(z.detach()), "does not depend on z by differentiable operations"),
    "no_grad": (torch.no_grad()(linear), "does not depend on z by differentiable operations"),
    "counts": (lambda z: linear(z).long(), "does not depend on z by differentiable operations"),
    "steps": (lambda z: linear(z).round(), "derivative along z is zero everywhere"),
    "other inputs": (lambda z: z.detach() @ nn.Parameter(W).T, "derivative along z is zero everywhere"),
    "once": (_OnceOnly.apply, "a layer of it has no second derivative"),
    "once in a sum": (lambda z: 5 * z.sin() + _OnceOnly.apply(z), "a layer of it has no second derivative"),
}


@pytest.mark.parametrize(("decode", "reason"), ROUGH.values(), ids=ROUGH)
@pytest.mark.parametrize("wrapped", [False, True], ids=["own", "adapter"])
def test_decoders_without_derivatives_are_refused(decode: Callable[[Tensor], Any], reason: str, wrapped: bool) -> None:
    model: Any = Decoding(decode)
    if wrapped:
        model = FunctionAdapter(encode=model.encode, decode=decode, latent_dim=DIM)
    with pytest.raises(
        UnsupportedModelError, match=rf"(?s)^the decoder cannot be differentiated: .*{reason}.*second d"
    ):
        pullback_calibration(model, exact_data())


def test_empty_data_are_refused() -> None:
    with pytest.raises(DataError, match="data is empty"):
        pullback_calibration(Decoding(curved), exact_data()[:0])


def test_data_must_be_finite() -> None:
    x = exact_data()
    x[3, 0] = torch.nan
    with pytest.raises(DataError, match="row 3 holds NaN"):
        pullback_calibration(Decoding(curved), x)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf])
def test_the_noise_variance_is_positive(value: float) -> None:
    model = Decoding(curved)
    with pytest.raises(ArgumentError, match=r"^noise_variance must be positive and finite, got"):
        pullback_calibration(model, exact_data(), noise_variance=value)
    assert not model.decoded


@pytest.mark.parametrize("size", [0, -3])
def test_the_batch_size_is_at_least_one(size: int) -> None:
    with pytest.raises(ArgumentError, match=r"^batch_size must be at least 1"):
        pullback_calibration(Decoding(curved), exact_data(), batch_size=size)


@pytest.mark.filterwarnings("ignore::riemann_sampler.RiemannSamplerWarning")
def test_a_noise_variance_that_nothing_fits_is_asked_for() -> None:
    wide = torch.cat([CODES, torch.full_like(CODES, 0.1)], 1)
    with pytest.raises(DataError, match=r"noise_variance cannot be fitted: .* is inf, .*Pass noise_variance\.$"):
        pullback_calibration(Decoding(curved), wide)
    assert pullback_calibration(Decoding(curved), wide, noise_variance=1.0).noise_variance == 1


@pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")
def test_a_collapsed_model_is_refused() -> None:
    collapsed = torch.cat([1e-3 * CODES, torch.zeros_like(CODES)], 1)
    with pytest.raises(DataError, match=r"no latent unit is active \(posterior collapse\)"):
        pullback_calibration(Decoding(curved), collapsed)
