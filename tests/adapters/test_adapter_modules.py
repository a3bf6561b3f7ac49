"""Torch modules: modes, placement, and what their methods must return."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from riemann_sampler.adapters import ModuleAdapter
from riemann_sampler.adapters.base import placed_like, untouched
from riemann_sampler.errors import ArgumentError, ArgumentTypeError, DataError, NotFittedError, UnsupportedModelError
from riemann_sampler.protocols import LatentModel
from tests.helpers.models import Codec, PlainVAE, digit_images, make_plain_vae

WAY_OUT = r"FunctionAdapter\(encode="


IMAGES = digit_images()[:7]


ROWS = torch.arange(12.0).reshape(4, 3)


def test_modes_are_set_without_calling_train_which_may_be_overridden() -> None:
    class Merging(PlainVAE):
        def train(self, mode: bool = True) -> "Merging":  # noqa: ARG002
            msg = "weights are merged here"
            raise RuntimeError(msg)

    module = make_plain_vae(base=Merging)
    with untouched(module):
        assert not any(submodule.training for submodule in module.modules())
    assert all(submodule.training for submodule in module.modules())


def test_modes_that_the_model_changes_itself_are_restored_too() -> None:
    module = make_plain_vae().eval()
    with untouched(module):
        module.train()
    assert not any(submodule.training for submodule in module.modules())


def test_no_graph_is_built_inside() -> None:
    module = Codec(lambda x: (torch.full_like(x, float(torch.is_grad_enabled())), x))
    assert not ModuleAdapter(module).encode(ROWS).mean.any()


def test_inputs_go_to_the_device_of_the_first_floating_parameter() -> None:
    module = nn.Linear(2, 2, device="meta")
    assert placed_like(torch.zeros(1, 2), module).device.type == "meta"
    assert placed_like(torch.zeros(1, 2, dtype=torch.int64), module).device.type == "meta"
    assert placed_like(np.zeros((1, 2)), module).device.type == "meta"


def test_integer_parameters_do_not_decide_and_integer_inputs_stay_integer() -> None:
    module = nn.Module()
    module.register_parameter("count", nn.Parameter(torch.zeros(1, dtype=torch.int64), requires_grad=False))
    module.register_buffer("scale", torch.ones(1, dtype=torch.float64))
    assert placed_like(torch.zeros(2), module).dtype == torch.float64
    assert placed_like(torch.zeros(2, dtype=torch.int32), module).dtype == torch.int32
    assert placed_like(np.zeros(2, dtype=np.uint8), module).dtype == torch.uint8


def test_a_module_without_floating_tensors_gets_its_inputs_as_they_are() -> None:
    x = torch.zeros(2, dtype=torch.float64)
    assert placed_like(x, nn.Identity()) is x
    words = ["neither", "tensor", "nor", "array"]
    assert placed_like(words, nn.LayerNorm(2)) is words


def test_arrays_that_torch_cannot_share_are_copied() -> None:
    array = np.arange(4.0)
    array.flags.writeable = False
    assert placed_like(array, nn.Identity()).tolist() == [0, 1, 2, 3]
    assert placed_like(np.arange(4.0)[::-1], nn.Identity()).tolist() == [3, 2, 1, 0]


def test_arrays_of_no_tensor_dtype_are_refused() -> None:
    with pytest.raises(DataError, match="dtype <U1 cannot be made a tensor: convert it to numbers"):
        placed_like(np.array(["a"]), nn.Identity())


def test_codes_of_any_shape_are_flattened_and_get_it_back() -> None:
    codes = torch.arange(24.0).reshape(2, 3, 2, 2)
    adapter = ModuleAdapter(Codec(lambda x: (x, -x), lambda z: z * 2))
    posterior = adapter.encode(codes)
    assert posterior.mean.tolist() == codes.reshape(2, 12).tolist()
    assert posterior.log_variance.tolist() == (-codes).reshape(2, 12).tolist()
    assert adapter.latent_dim == 12
    assert torch.equal(adapter.decode(posterior.mean), codes * 2)
    with pytest.raises(DataError, match=r"codes of shape \(2, 2, 3\), but those of Codec have the shape \(3, 2, 2\)"):
        adapter.encode(codes.reshape(2, 2, 2, 3))


def test_an_empty_batch_is_not_given_to_the_model() -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x), lambda z: z / len(z)))
    assert adapter.decode(torch.empty(0, 3)).shape == (0, 3)


def test_a_dimension_becomes_a_shape_once_it_is_seen() -> None:
    module = Codec(lambda x: (x, -x), lambda z: z * 2)
    module.latent_dim = 12
    adapter = ModuleAdapter(module)
    codes = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert torch.equal(adapter.decode(adapter.encode(codes).mean), codes * 2)


def test_the_shape_of_codes_can_be_given_for_a_decode_before_the_first_encode() -> None:
    module = Codec(lambda x: (x, x), lambda z: z.sum((2, 3)))
    z = torch.arange(24.0).reshape(2, 12)
    adapter = ModuleAdapter(module, latent_shape=(3, 2, 2))
    assert adapter.latent_dim == 12
    assert torch.equal(adapter.decode(z), z.reshape(2, 3, 4).sum(2))
    with pytest.raises(DataError, match=r"decode of Codec failed .*If its codes are not vectors, pass latent_shape"):
        ModuleAdapter(module).decode(z)
    with pytest.raises(DataError, match=r"decode of Codec failed") as error:
        adapter.decode(z[:, :11])
    assert "latent_shape" not in str(error.value)


@pytest.mark.parametrize(
    ("shape", "error"), [((), ArgumentTypeError), ((3, 0), ArgumentError), (2.5, ArgumentTypeError)]
)
@pytest.mark.usefixtures("without_type_checks")
def test_a_latent_shape_is_made_of_positive_sizes(shape: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="latent_shape must"):
        ModuleAdapter(Codec(lambda x: x), latent_shape=shape)


@pytest.mark.parametrize(
    "returned",
    [ROWS, {"reconstruction": ROWS, "z": 0}, {"sample": ROWS}, Normal(ROWS, 1.0), Independent(Normal(ROWS, 1.0), 1)],
    ids=["tensor", "reconstruction", "sample", "distribution", "independent"],
)
def test_data_may_come_in_many_forms(returned: object) -> None:
    assert torch.equal(ModuleAdapter(Codec(lambda x: x, lambda z: returned)).decode(ROWS), ROWS)  # noqa: ARG005


def test_failures_of_the_model_are_explained_and_the_cause_is_kept() -> None:
    def encode(x: Tensor) -> Tensor:
        return {}["weights"] if x.ndim == 2 else x.missing

    with pytest.raises(
        DataError, match=r"encode of Codec failed on a .* of shape \(4, 3\): KeyError: 'weights'\.$"
    ) as e:
        ModuleAdapter(Codec(encode)).encode(ROWS)
    assert isinstance(e.value.__cause__, KeyError)
    with pytest.raises(DataError, match=r"of shape \(12,\): AttributeError: .*'missing'\.$"):
        ModuleAdapter(Codec(encode)).encode(ROWS.flatten())


def test_running_out_of_memory_is_not_a_failure_of_the_data() -> None:
    def encode(_: Tensor) -> Tensor:
        raise torch.cuda.OutOfMemoryError

    with pytest.raises(torch.cuda.OutOfMemoryError):
        ModuleAdapter(Codec(encode)).encode(ROWS)


def test_what_the_model_draws_does_not_move_the_global_random_state() -> None:
    module = Codec(lambda x: (x, torch.randn_like(x)))
    before = torch.get_rng_state()
    ModuleAdapter(module).encode(ROWS)
    assert torch.equal(torch.get_rng_state(), before)


def test_inputs_without_a_shape_are_not_compared_with_the_batch() -> None:
    assert ModuleAdapter(Codec(lambda x: (ROWS, x["log_variance"]))).encode({"log_variance": ROWS}).mean is not None


def test_a_decoder_that_returns_no_tensor_is_refused() -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x), lambda z: (z, None)))
    with pytest.raises(DataError, match=rf"(?s)decode returned a tuple of 2 .*, not a tensor.*{WAY_OUT}"):
        adapter.decode(ROWS)
    adapter = ModuleAdapter(Codec(lambda x: (x, x), lambda z: {"image": z, "z": z}))
    with pytest.raises(DataError, match=rf"(?s)entries 'image', 'z', none of which is called 'recons.*{WAY_OUT}"):
        adapter.decode(ROWS)


@pytest.mark.parametrize("returned", [ROWS[:2], torch.tensor(1.0)], ids=["rows", "scalar"])
def test_a_decoder_that_loses_rows_is_refused(returned: Tensor) -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x), lambda z: returned))  # noqa: ARG005
    with pytest.raises(DataError, match=r"decode returned .* for 4 latent positions: the first axis must be 4"):
        adapter.decode(ROWS)


def test_the_latent_dimension_is_learnt_from_the_first_batch() -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x)))
    with pytest.raises(
        NotFittedError, match=r"latent_dim of Codec is not known .* pass ModuleAdapter\(\.\.\., latent_sh"
    ):
        _ = adapter.latent_dim
    assert isinstance(adapter, LatentModel)
    adapter.encode(ROWS)
    assert adapter.latent_dim == 3
    with pytest.raises(DataError, match=r"codes of shape \(2,\), but those of Codec have the shape \(3,\)"):
        adapter.encode(ROWS[:, :2])


def test_an_attribute_that_counts_channels_is_overruled_by_the_shape_given() -> None:
    module = Codec(lambda x: (x, -x), lambda z: z * 2)
    module.latent_dim = 3
    codes = torch.arange(24.0).reshape(2, 3, 2, 2)
    with pytest.raises(
        DataError, match=r"pass ModuleAdapter\(\.\.\., latent_shape=\(3, 2, 2\)\) if the first is right"
    ):
        ModuleAdapter(module).encode(codes)
    adapter = ModuleAdapter(module, latent_shape=(3, 2, 2))
    assert torch.equal(adapter.decode(adapter.encode(codes).mean), codes * 2)


def test_a_failed_encode_teaches_no_dimension() -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x[:1])))
    with pytest.raises(DataError):
        adapter.encode(ROWS)
    assert not hasattr(adapter, "latent_dim")


@pytest.mark.parametrize(("attribute", "argument", "known"), [(5, None, 5), (np.int64(5), None, 5), (5, 3, 3)])
def test_the_latent_dimension_is_the_argument_or_the_attribute(attribute: Any, argument: Any, known: int) -> None:
    module = Codec(lambda x: (x, x))
    module.latent_dim = attribute
    assert ModuleAdapter(module, argument).latent_dim == known


@pytest.mark.parametrize("attribute", [True, "5", torch.tensor(5), None])
def test_an_attribute_that_is_no_integer_is_not_the_latent_dimension(attribute: Any) -> None:
    module = Codec(lambda x: (x, x))
    module.latent_dim = attribute
    assert not hasattr(ModuleAdapter(module), "latent_dim")


def test_a_given_latent_dimension_is_checked() -> None:
    with pytest.raises(ArgumentError, match="latent_shape must be at least 1, got 0"):
        ModuleAdapter(make_plain_vae(), latent_shape=0)
    with pytest.raises(DataError, match=r"codes of shape \(3,\), but those of PlainVAE have the shape \(4,\)"):
        ModuleAdapter(make_plain_vae(3), latent_shape=4).encode(IMAGES)


def test_modules_that_do_not_encode_and_decode_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)Tanh is not a torch module with methods encode.*{WAY_OUT}"):
        ModuleAdapter(nn.Tanh())
