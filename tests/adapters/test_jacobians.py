"""Jacobian columns of decoders against torch's slow way, through every adapter."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from riemann_sampler.adapters import FunctionAdapter, as_latent_model
from riemann_sampler.adapters.jacobians import jacobian_columns, squared_column_norms
from tests.helpers.adapter_cases import CASES, Case
from tests.helpers.builders import normal
from tests.helpers.decoders import CODES, DIM, SIZE, Decoding, N, W, curved, linear, own_jacobian
from tests.helpers.models import Codec


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


def test_decoding_gives_no_gradients_even_where_the_decoder_gives_a_parameter() -> None:
    images = nn.Parameter(W)
    functions = FunctionAdapter(encode=lambda x: (x, x), decode=lambda z: images[: len(z)], latent_dim=DIM)
    for adapter in (functions, as_latent_model(Codec(lambda x: (x, x), lambda z: images[: len(z)]))):
        assert not adapter.decode(CODES[:SIZE]).requires_grad


def test_running_out_of_memory_says_nothing_of_the_decoder() -> None:
    def exhausted(_: Tensor) -> Tensor:
        raise torch.cuda.OutOfMemoryError

    with pytest.raises(torch.cuda.OutOfMemoryError):
        squared_column_norms(Decoding(exhausted), CODES)
