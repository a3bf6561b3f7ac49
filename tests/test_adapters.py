"""The contract of every adapter, and which of them a model gets."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from riemann_sampler.adapters import FunctionAdapter, ModuleAdapter, PythaeAdapter, as_latent_model
from riemann_sampler.errors import UnsupportedModelError
from riemann_sampler.protocols import GaussianPosterior, LatentModel
from tests.models import IMAGE_SHAPE, PlainVAE, digit_images, make_noisy_pythae_vae, make_plain_vae, make_pythae
from tests.traces import random_states, traces

WAY_OUT = r"FunctionAdapter\(encode=\.\.\., decode=\.\.\., latent_dim=\.\.\., spread=\"log_variance\"\)"
IMAGES = digit_images()[:7]
DIM = 3


class Case(NamedTuple):
    """A module, its adapter, and the posterior and data by calls written by hand (module in evaluation mode)."""

    module: nn.Module
    adapter: LatentModel
    encode: Callable[[Tensor], tuple[Tensor, Tensor]]
    decode: Callable[[Tensor], Tensor]


def plain_case() -> Case:
    module = make_plain_vae(DIM)
    return Case(module, ModuleAdapter(module), module.encode, module.decode)


def function_case() -> Case:
    module = make_plain_vae(DIM).eval()  # the mode is the functions' own business

    def encode(x: Any) -> tuple[Tensor, Tensor]:
        x = torch.as_tensor(x).to(module.mean.weight.dtype)
        mean, log_variance = module.encode(x)
        return mean, (log_variance / 2).exp()

    adapter = FunctionAdapter(encode=encode, decode=module.decode, latent_dim=DIM, spread="std")
    return Case(module, adapter, module.encode, module.decode)


def pythae_case() -> Case:
    module = make_noisy_pythae_vae(DIM)

    def encode(x: Tensor) -> tuple[Tensor, Tensor]:
        output = module.encoder(x)
        return output.embedding, output.log_covariance

    return Case(module, PythaeAdapter(module), encode, lambda z: module.decoder(z).reconstruction)


CASES = {"module": plain_case, "functions": function_case, "pythae": pythae_case}
MODE_SETTING = ["module", "pythae"]


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
    posterior = case.adapter.encode(IMAGES)
    decoded = case.adapter.decode(posterior.mean)
    assert isinstance(case.adapter, LatentModel)
    assert type(posterior) is GaussianPosterior
    assert case.adapter.latent_dim == DIM
    assert posterior.mean.shape == posterior.log_variance.shape == (len(IMAGES), DIM)
    assert decoded.shape == IMAGES.shape
    for result in (*posterior, decoded):
        assert result.dtype == torch.float32
        assert result.device == torch.device("cpu")
        assert not result.requires_grad
        assert not result.is_inference()


def test_results_agree_with_calls_written_by_hand(case: Case) -> None:
    case.module.eval()
    mean, log_variance = case.encode(IMAGES)
    posterior = case.adapter.encode(IMAGES)
    torch.testing.assert_close(posterior.mean, mean.detach(), rtol=0, atol=0)
    torch.testing.assert_close(posterior.log_variance, log_variance.detach(), rtol=1e-5, atol=1e-6)
    z = torch.linspace(-2, 2, 5 * DIM).reshape(5, DIM)
    torch.testing.assert_close(case.adapter.decode(z), case.decode(z).detach(), rtol=0, atol=0)


def test_calls_are_deterministic_whatever_the_mode(case: Case) -> None:
    first, again = case.adapter.encode(IMAGES), case.adapter.encode(IMAGES)
    assert torch.equal(first.mean, again.mean)
    assert torch.equal(first.log_variance, again.log_variance)
    assert torch.equal(case.adapter.decode(first.mean), case.adapter.decode(first.mean))


@pytest.mark.parametrize("set_modes", [nn.Module.train, nn.Module.eval, mix_modes], ids=["train", "eval", "mixed"])
def test_the_module_is_left_as_it_was(module_case: Case, set_modes: Callable[[nn.Module], Any]) -> None:
    assert_untouched(module_case, set_modes)


def test_functions_leave_the_module_as_it_was() -> None:
    assert_untouched(function_case(), nn.Module.eval)


def assert_untouched(case: Case, set_modes: Callable[[nn.Module], Any]) -> None:
    with torch.random.fork_rng():  # for dropout
        case.encode(IMAGES)[0].sum().backward()
    set_modes(case.module)
    before = traces(case.module)
    posterior = case.adapter.encode(IMAGES)
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
    case.adapter.decode(case.adapter.encode(IMAGES).mean)
    assert random_states() == before


def test_no_gradient_is_recorded_even_for_inputs_that_ask_for_it(case: Case) -> None:
    posterior = case.adapter.encode(IMAGES.clone().requires_grad_())
    decoded = case.adapter.decode(posterior.mean.requires_grad_())
    assert not posterior.log_variance.requires_grad
    assert not decoded.requires_grad
    assert torch.is_grad_enabled()


def test_a_double_precision_model_gets_and_gives_double_precision(case: Case) -> None:
    case.module.double().eval()
    posterior = case.adapter.encode(IMAGES)
    assert posterior.mean.dtype == posterior.log_variance.dtype == torch.float64
    torch.testing.assert_close(posterior.mean, case.encode(IMAGES.double())[0].detach(), rtol=0, atol=0)
    assert case.adapter.decode(posterior.mean).dtype == torch.float64


def test_decode_casts_positions_to_the_model(module_case: Case) -> None:
    z = torch.linspace(-1, 1, 2 * DIM, dtype=torch.float64).reshape(2, DIM)
    module_case.module.eval()
    decoded = module_case.adapter.decode(z)
    assert torch.equal(decoded, module_case.decode(z.float()))


def test_a_batch_of_one_is_a_row_of_a_larger_batch(case: Case) -> None:
    whole = case.adapter.encode(IMAGES)
    one = case.adapter.encode(IMAGES[2:3])
    torch.testing.assert_close(one.mean, whole.mean[2:3])
    torch.testing.assert_close(one.log_variance, whole.log_variance[2:3])
    torch.testing.assert_close(case.adapter.decode(one.mean), case.adapter.decode(whole.mean)[2:3])


def test_no_positions_decode_to_no_data(case: Case) -> None:
    assert case.adapter.decode(torch.empty(0, DIM)).shape == (0, *IMAGE_SHAPE)


def test_arrays_are_as_good_as_tensors(case: Case) -> None:
    posterior = case.adapter.encode(IMAGES.numpy())
    assert torch.equal(posterior.mean, case.adapter.encode(IMAGES).mean)


def test_an_error_of_the_model_leaves_it_as_it_was(module_case: Case) -> None:
    mix_modes(module_case.module)
    before = traces(module_case.module)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        module_case.adapter.encode(torch.zeros(2, 5))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        module_case.adapter.decode(torch.zeros(2, DIM + 1))
    assert traces(module_case.module) == before
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("name", CASES)
def test_adapters_are_returned_as_they_are(name: str) -> None:
    adapter = CASES[name]().adapter
    assert as_latent_model(adapter) is adapter


def test_objects_that_are_latent_models_are_returned_as_they_are() -> None:
    class Own:
        latent_dim = 3

        def encode(self, x: Tensor) -> GaussianPosterior:
            return GaussianPosterior(x, x)

        def decode(self, z: Tensor) -> Tensor:
            return z

    own = Own()
    assert as_latent_model(own) is own


def test_modules_are_wrapped_even_if_they_look_like_latent_models() -> None:
    module = make_plain_vae(DIM)
    module.latent_dim = DIM
    assert isinstance(module, LatentModel)
    adapter = as_latent_model(module)
    assert type(adapter) is ModuleAdapter
    assert torch.equal(adapter.encode(IMAGES).mean, adapter.encode(IMAGES).mean)


def test_the_library_decides_before_the_look_of_the_methods() -> None:
    from pythae.models import VAE

    class Encoding(VAE):
        def encode(self, x: Tensor) -> Tensor:
            return x

        decode = encode

    assert type(as_latent_model(make_pythae("VAE", base=Encoding))) is PythaeAdapter


def test_a_library_is_not_a_prefix_of_a_name() -> None:
    namesake = type("VAE", (PlainVAE,), {"__module__": "pythae_of_mine.models"})
    assert type(as_latent_model(make_plain_vae(base=namesake))) is ModuleAdapter


def test_unknown_models_are_refused_with_the_known_kinds_and_a_way_out() -> None:
    autoencoder = nn.Sequential(nn.AvgPool1d(2), nn.Upsample(scale_factor=2))
    known = r"Known are: models of pythae; torch modules whose encode\(x\) .*; objects with latent_dim"
    with pytest.raises(UnsupportedModelError, match=rf"(?s)of type Sequential\. {known}.*{WAY_OUT}"):
        as_latent_model(autoencoder)
    with pytest.raises(UnsupportedModelError, match=r"of type NoneType\."):
        as_latent_model(None)
    with pytest.raises(UnsupportedModelError, match=r"of type str\."):
        as_latent_model("vae")


def test_a_class_is_not_a_model() -> None:
    with pytest.raises(UnsupportedModelError, match=r"the class FunctionAdapter \(not an object of it\)"):
        as_latent_model(FunctionAdapter)


def test_no_library_is_imported() -> None:
    code = "import sys, riemann_sampler.adapters; sys.exit('pythae' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
