"""Posterior precisions against those that the decoder implies: exact where that is known."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import CollapseWarning, GaussianPosterior, UnsupportedModelError
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.adapters.jacobians import squared_column_norms
from riemann_sampler.geometry import pullback as module
from riemann_sampler.geometry.pullback import PullbackCalibration, pullback_calibration
from tests.helpers.adapter_cases import CASES
from tests.helpers.builders import normal
from tests.helpers.decoders import DIM, NOISE, SIZE, Decoding, N, W, curved, exact_data, implied, linear
from tests.helpers.models import Codec


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


def test_a_module_is_wrapped_in_one_call() -> None:
    codec = Codec(lambda x: x.chunk(2, 1), curved)
    found = pullback_calibration(as_latent_model(codec), exact_data(), noise_variance=NOISE)
    assert found.log_correlation == pytest.approx(1, abs=1e-12)
