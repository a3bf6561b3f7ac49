"""What every adapter asks of a model's outputs, and the way out for a model that does not give it."""

from itertools import islice

from jaxtyping import Float
from torch import Tensor

from ..errors import DataError

__all__ = ["WAY_OUT", "checked_decoded", "checked_pair", "describe"]

WAY_OUT = (
    "Any model can be wrapped by two functions of your own:\n"
    "    from riemann_sampler.adapters import FunctionAdapter\n"
    '    model = FunctionAdapter(encode=..., decode=..., latent_dim=..., spread="log_variance")'
)
"""The end of every message about a model that no adapter understands."""

_LISTED = 4  # items of a collection that a message shows


def describe(value: object) -> str:
    """What a value is, in words for a message: type, dtype and shape, never the numbers."""
    if isinstance(value, Tensor):
        return f"a {value.dtype} tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        items = [describe(item) for item in islice(value, _LISTED)] + ["..."] * (len(value) > _LISTED)
        return f"a {type(value).__name__} of {len(value)} ({', '.join(items)})"
    return f"an object of type {type(value).__name__}"


def checked_pair(
    output: object, x: object, latent_dim: int | None, *, spread: str = "log_variance", way_out: str = WAY_OUT
) -> tuple[Float[Tensor, "batch dim"], Float[Tensor, "batch dim"]]:
    """The two tensors that an encoder returned, detached, if they can be means and spreads of the batch ``x``."""
    items = output if isinstance(output, tuple | list) else ()
    if len(items) != 2 or not all(isinstance(item, Tensor) and item.is_floating_point() for item in items):
        msg = f"encode returned {describe(output)}, not a pair of floating-point tensors (mean, {spread}). {way_out}"
        raise DataError(msg)
    mean, deviation = items
    shape = tuple(getattr(x, "shape", ()))
    if mean.ndim != 2 or mean.shape != deviation.shape or (shape and shape[0] != mean.shape[0]):
        given = f" for an input of shape {shape}" if shape else ""
        msg = (
            f"encode returned a mean of shape {tuple(mean.shape)} and a {spread} of shape "
            f"{tuple(deviation.shape)}{given}; both must be (batch, dim), one row for each row of the input."
        )
        raise DataError(msg)
    if latent_dim is not None and mean.shape[1] != latent_dim:
        msg = (
            f"encode returned codes of dimension {mean.shape[1]}, but latent_dim is {latent_dim}: correct one of them."
        )
        raise DataError(msg)
    return mean.detach(), deviation.detach()


def checked_decoded(output: object, z: Float[Tensor, "n dim"], *, way_out: str = WAY_OUT) -> Tensor:
    """The tensor that a decoder returned, detached, if it has one row for each row of ``z``."""
    if not isinstance(output, Tensor):
        msg = f"decode returned {describe(output)}, not a tensor. {way_out}"
        raise DataError(msg)
    n = z.shape[0]
    if not output.ndim or output.shape[0] != n:
        msg = f"decode returned {describe(output)} for {n} latent positions: the first axis must be {n}."
        raise DataError(msg)
    return output.detach()
