"""Posterior precisions against those that the decoder implies: exact where that is known, and left out of no layer."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import CollapseWarning, DataError, GaussianPosterior, UnsupportedModelError
from riemann_sampler.adapters import FunctionAdapter, as_latent_model
from riemann_sampler.adapters.jacobians import jacobian_columns, squared_column_norms
from riemann_sampler.errors import ArgumentError
from riemann_sampler.geometry import pullback as module
from riemann_sampler.geometry.pullback import PullbackCalibration, pullback_calibration
from tests.helpers.adapter_cases import CASES, Case
from tests.helpers.builders import normal
from tests.helpers.models import Codec

N, DIM, SIZE = 40, 3, 8
NOISE = 0.05


class Decoding:
    """A latent model of a user's own that decodes by a function; data are posteriors side by side."""

    latent_dim = DIM

    def __init__(self, decode: Callable[[Tensor], Tensor]) -> None:
        self._decode = decode
        self.decoded: list[int] = []

    def encode(self, x: Any) -> GaussianPosterior:
        return GaussianPosterior(*x.chunk(2, 1))

    def decode(self, z: Tensor) -> Tensor:
        self.decoded.append(len(z))
        return self._decode(z)


W, BIAS = normal(SIZE, DIM, seed=1), normal(SIZE, seed=2)
CODES = normal(N, DIM)


def linear(z: Tensor) -> Tensor:
    return z @ W.T + BIAS


def curved(z: Tensor) -> Tensor:
    """Images of shape (1, 2, 4)."""
    return (z @ W.T).sin().mul(1 + z.square().sum(1, keepdim=True)).reshape(-1, 1, 2, 4)


def own_jacobian(decode: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """By torch's slow way, a row at a time: (n, size, dim)."""
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda row: decode(row[None])[0].flatten(), row) for row in z]
    )


def implied(decode: Callable[[Tensor], Tensor], noise_variance: float) -> Tensor:
    """diag(JᵀJ)/noise_variance + 1 of whole Jacobians."""
    return own_jacobian(decode, CODES).square().sum(1) / noise_variance + 1


def exact_data(decode: Callable[[Tensor], Tensor] = curved, noise_variance: float = NOISE) -> Tensor:
    """Data whose posteriors are those that the decoder implies."""
    return torch.cat([CODES, -implied(decode, noise_variance).log()], 1)


class TestJacobians:
    def test_a_linear_decoder_has_its_matrix(self) -> None:
        columns = list(jacobian_columns(Decoding(linear), CODES))
        for axis, column in enumerate(columns):
            torch.testing.assert_close(column, W[:, axis].expand(N, -1), rtol=1e-14, atol=0)
        assert len(columns) == DIM
        norms = (W.T @ W).diagonal().expand(N, -1)
        torch.testing.assert_close(squared_column_norms(Decoding(linear), CODES), norms, rtol=1e-14, atol=0)

    def test_they_are_those_of_torch(self) -> None:
        found = torch.stack(list(jacobian_columns(Decoding(curved), CODES)), 2)
        torch.testing.assert_close(found, own_jacobian(curved, CODES), rtol=1e-12, atol=1e-13)

    @pytest.mark.parametrize("name", CASES)
    def test_they_pass_through_every_adapter(self, name: str) -> None:
        case: Case = CASES[name]()
        case.module.double().eval()
        case.adapter.encode(case.data)  # shows the shape of codes
        z = 0.1 * normal(2, case.dim)
        found = torch.stack(list(jacobian_columns(case.adapter, z)), 2)
        # scvi-tools keeps the size of the library in single precision
        torch.testing.assert_close(found, own_jacobian(case.decode, z), rtol=1e-6, atol=1e-9)

    def test_positions_may_be_more_precise_than_the_model(self) -> None:
        case = CASES["module"]()
        z = normal(2, DIM)
        found = squared_column_norms(case.adapter, z)
        torch.testing.assert_close(found, squared_column_norms(case.adapter, z.float()))
        assert (found > 0).all()

    def test_fused_attention_is_passed_through(self) -> None:
        def attend(z: Tensor) -> Tensor:
            tokens = linear(z).reshape(-1, 1, 4, 2)
            return functional.scaled_dot_product_attention(tokens, tokens.sin(), tokens).flatten(1)

        columns = torch.stack(list(jacobian_columns(Decoding(attend), CODES)), 2)
        difference = (attend(CODES + 1e-6 * W[0]) - attend(CODES - 1e-6 * W[0])) / 2e-6
        torch.testing.assert_close(columns @ W[0], difference, rtol=1e-7, atol=1e-7)

    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
    def test_they_are_the_same_whatever_the_mode_around(self, mode: Callable[[], Any]) -> None:
        wanted = squared_column_norms(Decoding(curved), CODES)
        with mode():
            found = squared_column_norms(Decoding(curved), CODES.clone())
        assert torch.equal(found, wanted)
        assert not found.requires_grad

    def test_the_decoder_is_called_once_for_all_columns(self) -> None:
        model = Decoding(curved)
        list(jacobian_columns(model, CODES))
        assert model.decoded == [N]

    def test_positions_that_ask_for_gradients_get_none(self) -> None:
        z = CODES.clone().requires_grad_()
        squared_column_norms(Decoding(curved), z)
        assert z.grad is None


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


def test_decoding_gives_no_gradients_even_where_the_decoder_gives_a_parameter() -> None:
    images = nn.Parameter(W)
    functions = FunctionAdapter(encode=lambda x: (x, x), decode=lambda z: images[: len(z)], latent_dim=DIM)
    for adapter in (functions, as_latent_model(Codec(lambda x: (x, x), lambda z: images[: len(z)]))):
        assert not adapter.decode(CODES[:SIZE]).requires_grad


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


def test_running_out_of_memory_says_nothing_of_the_decoder() -> None:
    def exhausted(_: Tensor) -> Tensor:
        raise torch.cuda.OutOfMemoryError

    with pytest.raises(torch.cuda.OutOfMemoryError):
        squared_column_norms(Decoding(exhausted), CODES)


@pytest.mark.parametrize("decode", [linear, curved])
class TestExactPosteriors:
    """For a linear decoder and Gaussian noise eqs. 9-11 are no approximation."""

    def test_with_the_noise_variance_known(self, decode: Any) -> None:
        found = pullback_calibration(Decoding(decode), exact_data(decode), noise_variance=NOISE)
        torch.testing.assert_close(found.precisions, implied(decode, NOISE), rtol=1e-12, atol=0)
        torch.testing.assert_close(found.predicted, implied(decode, NOISE), rtol=1e-12, atol=0)
        assert found.noise_variance == NOISE
        assert found.log_correlation == pytest.approx(1, abs=1e-12)
        assert found.median_error == pytest.approx(0, abs=1e-12)

    def test_with_the_noise_variance_fitted(self, decode: Any) -> None:
        found = pullback_calibration(Decoding(decode), exact_data(decode))
        assert found.noise_variance == pytest.approx(NOISE, rel=1e-12)
        assert found.median_error == pytest.approx(0, abs=1e-12)

    def test_with_a_wrong_noise_variance_the_error_is_its_logarithm(self, decode: Any) -> None:
        tiny = 1e-9  # so that the prior's 1 does not count
        found = pullback_calibration(Decoding(decode), exact_data(decode, tiny), noise_variance=2 * tiny)
        assert found.median_error == pytest.approx(math.log(2), rel=1e-6)


class TestFigures:
    def test_a_broken_posterior_is_noticed(self) -> None:
        mean, log_variance = exact_data().chunk(2, 1)
        broken = torch.cat([mean, log_variance.roll(1, 0)], 1)
        found = pullback_calibration(Decoding(curved), broken)
        assert found.log_correlation < 0.7
        assert found.median_error > 0.3

    def test_the_fitted_noise_variance_has_as_many_precisions_above_as_below(self) -> None:
        mean, log_variance = exact_data().chunk(2, 1)
        noisy = torch.cat([mean, log_variance + normal(N, DIM, seed=5)], 1)
        found = pullback_calibration(Decoding(curved), noisy)
        assert int((found.predicted > found.precisions).sum()) == pytest.approx(N * DIM / 2, abs=1)

    def test_posteriors_wider_than_the_prior_count_as_lying_below(self) -> None:
        mean, log_variance = exact_data().chunk(2, 1)
        log_variance = log_variance + normal(N, DIM, seed=5)
        log_variance[: N // 4] = 0.5
        found = pullback_calibration(Decoding(curved), torch.cat([mean, log_variance], 1))
        assert int((found.predicted > found.precisions).sum()) == pytest.approx(N * DIM / 2, abs=1)

    def test_they_are_those_of_a_written_out_formula(self) -> None:
        precisions, predicted = normal(N, DIM, seed=8).exp(), normal(N, DIM, seed=9).exp()
        active = torch.tensor([True, False, True])
        found = PullbackCalibration(precisions, predicted, 1.0, active, None)
        x, y = (part[:, [0, 2]].log().flatten() for part in (precisions, predicted))
        x, y = x - x.mean(), y - y.mean()
        assert found.log_correlation == pytest.approx(((x @ y) / (x.norm() * y.norm())).item(), rel=1e-12)
        error = (predicted / precisions).log().abs()[:, [0, 2]].flatten().sort().values
        assert found.median_error == error[N - 1].item()

    def test_collapsed_units_are_left_out(self) -> None:
        mean, log_variance = exact_data().chunk(2, 1)
        mean[:, 1] *= 1e-3
        log_variance[:, 1] = 0.0
        with pytest.warns(CollapseWarning, match=r"1 of 3 latent units are inactive \(posterior collapse\): \[1\]"):
            found = pullback_calibration(Decoding(linear), torch.cat([mean, log_variance], 1))
        assert found.active.tolist() == [True, False, True]
        assert found.precisions.shape == found.predicted.shape == (N, DIM)

    @pytest.mark.filterwarnings("ignore::riemann_sampler.CollapseWarning")
    def test_the_fit_of_the_noise_variance_leaves_them_out_too(self) -> None:
        mean, log_variance = exact_data(linear).chunk(2, 1)
        mean, log_variance = mean.clone(), log_variance.clone()
        mean[:, :2] *= 1e-3
        log_variance[:, :2] = -0.1
        found = pullback_calibration(Decoding(linear), torch.cat([mean, log_variance], 1))
        assert found.noise_variance == pytest.approx(NOISE, rel=1e-12)
        assert found.median_error == pytest.approx(0, abs=1e-12)

    def test_the_share_off_the_diagonal(self) -> None:
        product = W.T @ W
        share = (product - product.diagonal().diag()).norm() / product.norm()
        found = pullback_calibration(Decoding(linear), exact_data(linear))
        assert found.off_diagonal is not None
        torch.testing.assert_close(found.off_diagonal, share.expand(N), rtol=1e-12, atol=0)

    def test_orthogonal_axes_leave_nothing_off_the_diagonal(self) -> None:
        Q = torch.linalg.qr(W).Q * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        found = pullback_calibration(Decoding(lambda z: z @ Q.T), exact_data(lambda z: z @ Q.T))
        assert found.off_diagonal is not None
        assert found.off_diagonal.max() < 1e-14

    def test_the_summary_has_a_row_for_each_unit_and_one_for_all(self) -> None:
        found = pullback_calibration(Decoding(curved), exact_data(), noise_variance=NOISE)
        lines = found.summary().splitlines()
        assert lines[:2] == ["codes                40", "noise variance       0.05"]
        assert found.off_diagonal is not None
        assert lines[2] == f"off-diagonal, median {found.off_diagonal.median():.4g}"
        cells = [line.split() for line in lines[5:]]
        assert [row[0] for row in cells] == ["0", "1", "2", "all"]
        assert [row[1] for row in cells[:3]] == ["yes"] * 3
        assert cells[1][2] == cells[1][3] == f"{found.precisions[:, 1].median():.4g}"
        assert float(cells[1][4]) == 1
        assert float(cells[3][-2]) == pytest.approx(found.log_correlation, rel=1e-3)
        assert float(cells[3][-1]) == pytest.approx(found.median_error, abs=1e-9)

    def test_the_summary_says_what_does_not_apply(self) -> None:
        flat = PullbackCalibration(torch.ones(5, 1), torch.ones(5, 1), 1.0, torch.tensor([True]), None)
        assert math.isnan(flat.log_correlation)
        assert "off-diagonal, median –" in flat.summary()
        assert flat.summary().splitlines()[-1].split()[-2:] == ["–", "0"]


class TestMemory:
    def test_chunks_change_nothing(self) -> None:
        whole, parts = (pullback_calibration(Decoding(curved), exact_data(), batch_size=size) for size in (N, 7))
        for name in ("precisions", "predicted", "off_diagonal"):
            torch.testing.assert_close(getattr(whole, name), getattr(parts, name), rtol=1e-13, atol=0)
        assert whole.noise_variance == pytest.approx(parts.noise_variance, rel=1e-13)

    def test_no_more_codes_are_differentiated_at_a_time_than_asked_for(self) -> None:
        model = Decoding(curved)
        pullback_calibration(model, exact_data(), batch_size=16)
        assert model.decoded == [1, 16, 16, 8]

    def test_whole_jacobians_are_held_up_to_a_bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "JACOBIAN_ELEMENTS", 15 * SIZE * DIM + 1)
        model = Decoding(curved)
        pullback_calibration(model, exact_data())
        assert model.decoded == [1, 15, 15, 10]

    def test_beyond_it_they_are_never_whole(self, monkeypatch: pytest.MonkeyPatch) -> None:
        wanted = pullback_calibration(Decoding(curved), exact_data())
        monkeypatch.setattr(module, "JACOBIAN_ELEMENTS", SIZE * DIM - 1)
        model = Decoding(curved)
        found = pullback_calibration(model, exact_data(), batch_size=32)
        assert found.off_diagonal is None
        assert model.decoded == [1, 32, 8]
        torch.testing.assert_close(found.predicted, wanted.predicted, rtol=1e-13, atol=0)


@pytest.mark.filterwarnings("ignore::riemann_sampler.RiemannSamplerWarning")  # these nets are not trained
@pytest.mark.usefixtures("without_type_checks")
@pytest.mark.parametrize("name", ["module", "pythae"])
def test_the_model_and_the_random_state_are_left_as_they_were(name: str) -> None:
    case = CASES[name]()
    for i, submodule in enumerate(case.module.modules()):
        submodule.training = i % 2 == 0
    before, states = traces(case.module), random_states()
    data = 100 * case.data  # so that codes differ
    found = pullback_calibration(case.adapter, data, noise_variance=0.1)
    assert traces(case.module) == before
    assert random_states() == states
    assert torch.is_grad_enabled()
    assert not found.predicted.requires_grad
    case.module.eval()
    again = pullback_calibration(case.adapter, data, noise_variance=0.1)
    assert torch.equal(found.predicted, again.predicted)


def test_posteriors_in_place_of_data() -> None:
    wanted = pullback_calibration(Decoding(curved), exact_data())
    found = pullback_calibration(Decoding(curved), GaussianPosterior(*exact_data().chunk(2, 1)))
    assert torch.equal(found.precisions, wanted.precisions)
    assert torch.equal(found.predicted, wanted.predicted)


def test_on_any_device(device: str) -> None:
    mean, log_variance = exact_data().to(device).chunk(2, 1)
    matrix = W.T.to(device)
    found = pullback_calibration(Decoding(lambda z: (z @ matrix).sin()), GaussianPosterior(mean, log_variance))
    assert found.predicted.device.type == device
    assert math.isfinite(found.log_correlation)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_codes_may_be_elsewhere_than_the_model() -> None:
    case = CASES["module"]()
    codes = case.adapter.encode(case.data).mean
    wanted = squared_column_norms(case.adapter, codes)
    case.module.to("cuda")
    found = squared_column_norms(case.adapter, codes)
    torch.testing.assert_close(found.cpu(), wanted)


def test_a_model_is_taken_as_it_is() -> None:
    codec = Codec(lambda x: x.chunk(2, 1), curved)
    whole, wrapped = (pullback_calibration(model, exact_data()) for model in (codec, as_latent_model(codec)))
    torch.testing.assert_close(whole.predicted, wrapped.predicted)
    with pytest.raises(UnsupportedModelError, match="No adapter for a model of type Identity"):
        pullback_calibration(nn.Identity(), exact_data())


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


def test_a_module_is_wrapped_in_one_call() -> None:
    codec = Codec(lambda x: x.chunk(2, 1), curved)
    found = pullback_calibration(as_latent_model(codec), exact_data(), noise_variance=NOISE)
    assert found.log_correlation == pytest.approx(1, abs=1e-12)
