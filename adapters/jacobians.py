"""Jacobian columns of decoders by double backward; J is never stored whole unless the caller keeps it.

A column takes two backward passes. Jᵀv is linear in v, and the derivative of its entry j is J e_j, whatever v.
Unlike forward-mode differentiation this decodes once for all columns, and needs of a layer only that its backward pass
has one itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from ..errors import DataError, UnsupportedModelError
from ..protocols import DecodesWithGradients, LatentModel

__all__ = ["decode_with_gradients", "jacobian_columns", "squared_column_norms"]

LARGEST_ERROR = 0.05
"""Share of a gradient that a column may miss: what half precision loses, and less than a layer left out makes."""


def decode_with_gradients(model: LatentModel, z: Float[Tensor, "n dim"]) -> Tensor:
    """What a model decodes, differentiably if it can be.

    Adapters, whose ``decode`` records no gradients, have another method of this name; a model of a user's own has not.
    """
    return model.decode_with_gradients(z) if isinstance(model, DecodesWithGradients) else model.decode(z)


def jacobian_columns(model: LatentModel, z: Float[Tensor, "n dim"]) -> Iterator[Float[Tensor, "n size"]]:
    """J e_1, J e_2, ... of the decoder at each of some positions, data flattened; memory grows with their number.

    Rows are taken to be decoded independently of each other, as they are in evaluation mode.

    Args:
        model: The model whose decoder is differentiated.
        z: Positions, in latent units.

    Yields:
        The derivatives of the decoded data along a latent axis, for each axis in turn.

    Raises:
        UnsupportedModelError: The decoder cannot be differentiated.
    """
    pulled, v = _pulled_back(model, z)
    for axis in range(z.shape[1]):
        along = torch.zeros_like(pulled)
        along[:, axis] = 1
        with _differentiating():
            (column,) = torch.autograd.grad(pulled, v, along, retain_graph=True, allow_unused=True)
        if column is None or _is_incomplete(column, v, pulled, axis):
            reason = "a layer of it has no second derivative"
            raise _not_differentiable(reason)
        yield column.flatten(1)


def squared_column_norms(model: LatentModel, z: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
    """Diagonal of JᵀJ at each position, ‖J e_j‖² for each latent axis; errors as `jacobian_columns`."""
    return torch.stack([column.square().sum(1) for column in jacobian_columns(model, z)], 1)


def _pulled_back(model: LatentModel, z: Float[Tensor, "n dim"]) -> tuple[Float[Tensor, "n dim"], Tensor]:
    """Jᵀv as a function of v, and v, which is shaped like the decoded data."""
    # The fused kernels of attention have no second derivative, and a model in inference mode has not even a first.
    with _differentiating(), sdpa_kernel(SDPBackend.MATH):
        z = z.detach().clone().requires_grad_()
        x = decode_with_gradients(model, z)
        if not x.requires_grad:
            reason = "what it returns does not depend on z by differentiable operations of torch"
            raise _not_differentiable(reason)
        v = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).to(x).requires_grad_()
        (pulled,) = torch.autograd.grad(x, z, v, create_graph=True, allow_unused=True)
    if pulled is None or not pulled.requires_grad:
        reason = "its derivative along z is zero everywhere"
        raise _not_differentiable(reason)
    return pulled, v


def _is_incomplete(column: Tensor, v: Tensor, pulled: Float[Tensor, "n dim"], axis: int) -> bool:
    """Whether (J e_j)ᵀv is not the entry of Jᵀv.

    Where a layer's backward pass has none itself, torch leaves out what would come through it, and tells nobody.
    """
    missing = (column * v).flatten(1).sum(1).to(pulled) - pulled[:, axis]
    return bool((missing.abs() > LARGEST_ERROR * pulled.abs().sum(1)).any())


@contextmanager
def _differentiating() -> Iterator[None]:
    """Gradients are recorded; a decoder that fails is one that cannot be differentiated, but for want of memory."""
    try:
        with torch.inference_mode(False):  # it ends no_grad too
            yield
    except torch.cuda.OutOfMemoryError:
        raise
    except (DataError, RuntimeError) as error:
        raise _not_differentiable(str(error)) from error


def _not_differentiable(reason: str) -> UnsupportedModelError:
    msg = (
        f"the decoder cannot be differentiated: {reason}. Its decode must be made of torch operations that have second "
        "derivatives, without no_grad or detach; metric='posterior' needs none."
    )
    return UnsupportedModelError(msg)
