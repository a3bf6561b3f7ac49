"""Torch modules: modes, placement, and what their methods must return."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from riemann_sampler.adapters import ModuleAdapter
from riemann_sampler.adapters.modules import placed_like, untouched
from riemann_sampler.errors import ArgumentError, DataError, NotFittedError, UnsupportedModelError
from riemann_sampler.protocols import GaussianPosterior, LatentModel
from tests.models import Codec, PlainVAE, digit_images, make_plain_vae

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


@pytest.mark.parametrize("kind", [tuple, list, lambda pair: GaussianPosterior(*pair)], ids=["tuple", "list", "named"])
def test_a_pair_of_any_kind_is_a_posterior(kind: Callable[[Any], Any]) -> None:
    posterior = ModuleAdapter(Codec(lambda x: kind((x, -x)))).encode(ROWS)
    assert torch.equal(posterior.mean, ROWS)
    assert torch.equal(posterior.log_variance, -ROWS)


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        (ROWS, r"a torch\.float32 tensor of shape \(4, 3\)"),
        ((ROWS, ROWS, ROWS), r"a tuple of 3 \((a torch\.float32 tensor of shape \(4, 3\)(, )?){3}\)"),
        ((ROWS, ROWS.long()), r"a tuple of 2 \(.*, a torch\.int64 tensor of shape \(4, 3\)\)"),
        ((ROWS, None), r"a tuple of 2 \(.*, an object of type NoneType\)"),
        (torch.distributions.Normal(ROWS, 1.0), r"an object of type Normal"),
        ([ROWS] * 9, r"a list of 9 \((a torch\.float32 tensor of shape \(4, 3\), ){4}\.\.\.\)"),
    ],
    ids=["tensor", "triple", "integers", "none", "distribution", "long"],
)
def test_an_encoder_that_returns_no_pair_is_refused(returned: object, shown: str) -> None:
    adapter = ModuleAdapter(Codec(lambda x: returned))  # noqa: ARG005
    wanted = r", not a pair of floating-point tensors \(mean, log_variance\)"
    with pytest.raises(DataError, match=rf"(?s)encode returned {shown}{wanted}.*{WAY_OUT}"):
        adapter.encode(ROWS)


@pytest.mark.parametrize(
    ("mean", "log_variance"),
    [
        (ROWS, ROWS[:, :2]),
        (ROWS, ROWS[:1]),
        (ROWS[:3], ROWS[:3]),
        (ROWS[0], ROWS[0]),
        (ROWS[:, None], ROWS[:, None]),
    ],
    ids=["dims", "rows", "batch", "one axis", "three axes"],
)
def test_posteriors_of_wrong_shapes_are_refused(mean: Tensor, log_variance: Tensor) -> None:
    adapter = ModuleAdapter(Codec(lambda x: (mean, log_variance)))  # noqa: ARG005
    with pytest.raises(DataError, match=r"must be \(batch, dim\), one row for each row of the input") as error:
        adapter.encode(ROWS)
    for shape in (mean.shape, log_variance.shape, ROWS.shape):
        assert str(tuple(shape)) in str(error.value)


def test_inputs_without_a_shape_are_not_compared_with_the_batch() -> None:
    assert ModuleAdapter(Codec(lambda x: (ROWS, x["log_variance"]))).encode({"log_variance": ROWS}).mean is not None


def test_a_decoder_that_returns_no_tensor_is_refused() -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x), lambda z: (z, None)))
    with pytest.raises(DataError, match=rf"(?s)decode returned a tuple of 2 .*, not a tensor.*{WAY_OUT}"):
        adapter.decode(ROWS)


@pytest.mark.parametrize("returned", [ROWS[:2], torch.tensor(1.0)], ids=["rows", "scalar"])
def test_a_decoder_that_loses_rows_is_refused(returned: Tensor) -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x), lambda z: returned))  # noqa: ARG005
    with pytest.raises(DataError, match=r"decode returned .* for 4 latent positions: the first axis must be 4"):
        adapter.decode(ROWS)


def test_the_latent_dimension_is_learnt_from_the_first_batch() -> None:
    adapter = ModuleAdapter(Codec(lambda x: (x, x)))
    with pytest.raises(
        NotFittedError, match=r"latent_dim of Codec is not known .* pass ModuleAdapter\(\.\.\., latent_di"
    ):
        _ = adapter.latent_dim
    assert isinstance(adapter, LatentModel)
    adapter.encode(ROWS)
    assert adapter.latent_dim == 3
    with pytest.raises(DataError, match="codes of dimension 2, but latent_dim is 3"):
        adapter.encode(ROWS[:, :2])


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
    with pytest.raises(ArgumentError, match="latent_dim must be at least 1, got 0"):
        ModuleAdapter(make_plain_vae(), latent_dim=0)
    with pytest.raises(DataError, match="codes of dimension 3, but latent_dim is 4: correct one of them"):
        ModuleAdapter(make_plain_vae(3), latent_dim=4).encode(IMAGES)


def test_modules_that_do_not_encode_and_decode_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=rf"(?s)Tanh is not a torch module with methods encode.*{WAY_OUT}"):
        ModuleAdapter(nn.Tanh())
