"""The contract of every adapter, on one model of each library."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from benchmarks.harness.snapshots import random_states, traces
from riemann_sampler import RiemannianUniformSampler
from riemann_sampler.adapters import as_latent_model
from riemann_sampler.errors import DataError
from riemann_sampler.protocols import GaussianPosterior, LatentModel
from tests.helpers.adapter_cases import CASES, IMAGES, Case, of_functions
from tests.helpers.models import PlainVAE, make_plain_vae

MODE_SETTING = [name for name in CASES if name != "functions"]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]()


@pytest.fixture(params=MODE_SETTING)
def module_case(request: pytest.FixtureRequest) -> Case:
    """The adapters that take charge of a module's mode and placement."""
    return CASES[request.param]()


def mix_modes(module: nn.Module) -> None:
    """Training mode, but every second submodule frozen."""
    for i, submodule in enumerate(module.modules()):
        submodule.training = i % 2 == 0


def test_results_are_tensors_of_the_right_shape_dtype_and_device(case: Case) -> None:
    posterior = case.adapter.encode(case.data)
    decoded = case.adapter.decode(posterior.mean)
    assert isinstance(case.adapter, LatentModel)
    assert type(posterior) is GaussianPosterior
    assert case.adapter.latent_dim == case.dim
    assert posterior.mean.shape == posterior.log_variance.shape == (len(case.data), case.dim)
    assert decoded.shape == case.data.shape
    for result in (*posterior, decoded):
        assert result.dtype == torch.float32
        assert result.device == torch.device("cpu")
        assert not result.requires_grad
        assert not result.is_inference()


def test_results_agree_with_calls_written_by_hand(case: Case) -> None:
    case.module.eval()
    mean, log_variance = case.encode(case.data)
    posterior = case.adapter.encode(case.data)
    torch.testing.assert_close(posterior.mean, mean.detach(), rtol=0, atol=0)
    torch.testing.assert_close(posterior.log_variance, log_variance.detach(), rtol=1e-5, atol=1e-5)
    z = torch.linspace(-2, 2, 5 * case.dim).reshape(5, case.dim)
    torch.testing.assert_close(case.adapter.decode(z), case.decode(z).detach(), rtol=0, atol=0)


def test_calls_are_deterministic_whatever_the_mode(case: Case) -> None:
    first, again = case.adapter.encode(case.data), case.adapter.encode(case.data)
    assert torch.equal(first.mean, again.mean)
    assert torch.equal(first.log_variance, again.log_variance)
    decoded = case.adapter.decode(first.mean)
    assert torch.equal(case.adapter.decode(first.mean), decoded)


def test_training_mode_does_not_change_the_results(module_case: Case) -> None:
    module_case.module.eval()
    wanted = module_case.adapter.encode(module_case.data)
    decoded = module_case.adapter.decode(wanted.mean)
    module_case.module.train()
    posterior = module_case.adapter.encode(module_case.data)
    assert torch.equal(posterior.mean, wanted.mean)
    assert torch.equal(posterior.log_variance, wanted.log_variance)
    assert torch.equal(module_case.adapter.decode(wanted.mean), decoded)


@pytest.mark.parametrize("set_modes", [nn.Module.train, nn.Module.eval, mix_modes], ids=["train", "eval", "mixed"])
def test_the_module_is_left_as_it_was(module_case: Case, set_modes: Callable[[nn.Module], Any]) -> None:
    assert_untouched(module_case, set_modes)


def test_functions_leave_the_module_as_it_was() -> None:
    assert_untouched(of_functions(), nn.Module.eval)


def assert_untouched(case: Case, set_modes: Callable[[nn.Module], Any]) -> None:
    with torch.random.fork_rng():  # for dropout
        case.encode(case.data)[0].sum().backward()
    set_modes(case.module)
    before = traces(case.module)
    posterior = case.adapter.encode(case.data)
    case.adapter.decode(posterior.mean)
    assert traces(case.module) == before


def test_the_traces_show_every_kind_of_change() -> None:
    def changed(change: Callable[[PlainVAE], Any]) -> bool:
        module = make_plain_vae()
        before = traces(module)
        with torch.random.fork_rng():
            change(module)
        return traces(module) != before

    assert not changed(lambda module: None)  # noqa: ARG005
    assert changed(lambda module: module.trunk[4].eval())
    assert changed(lambda module: setattr(module, "device", "cpu"))
    assert changed(lambda module: module.encode(IMAGES))  # batch statistics
    assert changed(lambda module: module.double())
    assert changed(lambda module: module.mean.bias.sum().backward())
    assert changed(lambda module: module.requires_grad_(False))


@pytest.mark.usefixtures("without_type_checks")
def test_the_global_random_state_is_untouched(case: Case) -> None:
    before = random_states()
    case.adapter.decode(case.adapter.encode(case.data).mean)
    assert random_states() == before


def test_no_gradient_is_recorded_even_for_inputs_that_ask_for_it(case: Case) -> None:
    posterior = case.adapter.encode(case.data.clone().requires_grad_())
    decoded = case.adapter.decode(posterior.mean.requires_grad_())
    assert not posterior.log_variance.requires_grad
    assert not decoded.requires_grad
    assert torch.is_grad_enabled()


def test_a_double_precision_model_gets_and_gives_double_precision(case: Case) -> None:
    case.module.double().eval()
    posterior = case.adapter.encode(case.data)
    assert posterior.mean.dtype == posterior.log_variance.dtype == torch.float64
    torch.testing.assert_close(posterior.mean, case.encode(case.data.double())[0].detach(), rtol=0, atol=0)
    assert case.adapter.decode(posterior.mean).dtype == torch.float64


def test_decode_casts_positions_to_the_model(module_case: Case) -> None:
    z = torch.linspace(-1, 1, 2 * module_case.dim, dtype=torch.float64).reshape(2, -1)
    module_case.module.eval()
    module_case.adapter.encode(module_case.data)  # shows the shape of codes
    decoded = module_case.adapter.decode(z)
    assert torch.equal(decoded, module_case.decode(z.float()))


def test_a_batch_of_one_is_a_row_of_a_larger_batch(case: Case) -> None:
    whole = case.adapter.encode(case.data)
    one = case.adapter.encode(case.data[2:3])
    torch.testing.assert_close(one.mean, whole.mean[2:3])
    torch.testing.assert_close(one.log_variance, whole.log_variance[2:3])
    torch.testing.assert_close(case.adapter.decode(one.mean), case.adapter.decode(whole.mean)[2:3])


def test_no_positions_decode_to_no_data(case: Case) -> None:
    case.adapter.encode(case.data)
    assert case.adapter.decode(torch.empty(0, case.dim)).shape == (0, *case.data.shape[1:])


def test_arrays_are_as_good_as_tensors(case: Case) -> None:
    posterior = case.adapter.encode(case.data.numpy())
    assert torch.equal(posterior.mean, case.adapter.encode(case.data).mean)


def test_an_error_of_the_model_leaves_it_as_it_was(module_case: Case) -> None:
    mix_modes(module_case.module)
    before = traces(module_case.module)
    with pytest.raises(DataError):
        module_case.adapter.encode(torch.zeros(2, 5))
    with pytest.raises(DataError, match=r"decode of \w+ failed on a torch.float32 tensor of shape \(2, \d+\)"):
        module_case.adapter.decode(torch.zeros(2, module_case.dim + 1))
    assert traces(module_case.module) == before
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", CASES)
def test_adapters_are_returned_as_they_are(name: str) -> None:
    adapter = CASES[name]().adapter
    assert as_latent_model(adapter) is adapter


@pytest.mark.filterwarnings("ignore::riemann_sampler.RiemannSamplerWarning")  # these nets are not trained
@pytest.mark.usefixtures("without_type_checks")
def test_fit_and_sample_leave_the_module_and_the_random_state_as_they_were(case: Case) -> None:
    before, states = traces(case.module), random_states()
    samples = RiemannianUniformSampler(case.adapter, n_steps=2, n_warmup=2).fit(case.data, seed=0).sample(3, seed=0)
    assert samples.shape == (3, *case.data.shape[1:])
    assert samples.dtype == torch.float32
    assert torch.isfinite(samples).all()
    assert traces(case.module) == before
    assert random_states() == states


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_model_on_cuda_gets_its_inputs_there(module_case: Case) -> None:
    module_case.module.to("cuda").eval()
    before = traces(module_case.module)
    posterior = module_case.adapter.encode(module_case.data)
    decoded = module_case.adapter.decode(posterior.mean.cpu())
    mean, log_variance = module_case.encode(module_case.data.to("cuda"))
    torch.testing.assert_close(posterior.mean, mean.detach())
    torch.testing.assert_close(posterior.log_variance, log_variance.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(decoded, module_case.decode(posterior.mean).detach())
    assert decoded.is_cuda
    assert traces(module_case.module) == before
