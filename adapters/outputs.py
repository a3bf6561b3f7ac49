"""What encoders call a diagonal Gaussian, and decoders their data, read into plain tensors."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

from ..errors import DataError
from .checks import PULLBACK, WAY_OUT, describe

__all__ = ["SPREADS", "Spread", "log_variance", "read_data", "read_gaussian"]

Spread = Literal["log_variance", "variance", "std"]
"""What the second output of an encoder is: ln σ², σ² or σ."""

SPREADS: tuple[Spread, ...] = get_args(Spread)

_MEANS = ("mean", "mu", "loc", "embedding")
_SPREAD_NAMES: dict[str, Spread] = {
    "log_variance": "log_variance",
    "log_var": "log_variance",
    "logvar": "log_variance",
    "log_covariance": "log_variance",
    "variance": "variance",
    "var": "variance",
    "std": "std",
    "sigma": "std",
    "scale": "std",
}
_DATA = ("reconstruction", "recon", "sample")


def log_variance(spread: Tensor, meaning: Spread) -> Tensor:
    """Natural logarithm of the variance that a spread stands for; a `DataError` if a positive one is not positive."""
    if meaning == "log_variance":
        return spread
    if not (spread > 0).all():  # NaN fails too
        msg = (
            f"encode returned a {meaning} that is not positive (its minimum is {spread.min().item():.6g}). "
            'If it is a logarithm, use FunctionAdapter with spread="log_variance".'
        )
        raise DataError(msg)
    return spread.log() if meaning == "variance" else 2 * spread.log()


def read_gaussian(output: object) -> tuple[object, object]:
    """Mean and log-variance of what an encoder returned, not yet checked.

    A pair is (mean, log-variance); a mapping or a named tuple is read by its names; a normal distribution by its
    parameters. Other distributions, and names that say nothing, are a `DataError`.
    """
    if isinstance(output, Distribution):
        return _of_distribution(output)
    named = _named(output)
    if named is not None:
        return _of_names(named)
    if isinstance(output, tuple | list) and len(output) == 2:
        return output[0], output[1]
    hint = f"If these are codes without a covariance, {PULLBACK}. " * isinstance(output, Tensor)
    msg = (
        f"encode returned {describe(output)}, not a pair (mean, log_variance), a mapping with such entries, or a "
        f"torch.distributions.Normal. {hint}{WAY_OUT}"
    )
    raise DataError(msg)


def read_data(output: object) -> object:
    """The data of what a decoder returned, not yet checked: itself, a distribution's mean, or a mapping's entry."""
    if isinstance(output, Distribution):
        return output.mean
    named = _named(output)
    if named is None:
        return output
    name = next((name for name in _DATA if name in named), None)
    if name is None:
        msg = f"decode returned entries {_list_names(named)}, none of which is called {_or(_DATA)}. {WAY_OUT}"
        raise DataError(msg)
    return named[name]


def _of_distribution(law: Distribution) -> tuple[object, object]:
    base: Any = law
    while isinstance(base, Independent):
        base = base.base_dist
    if not isinstance(base, Normal):
        msg = (
            f"encode returned a {type(base).__name__} distribution; only Normal, or Independent around it, is a "
            f"diagonal Gaussian. {WAY_OUT}"
        )
        raise DataError(msg)
    return base.loc, log_variance(base.scale, "std")


def _of_names(named: Mapping[str, Any]) -> tuple[object, object]:
    mean = next((name for name in _MEANS if name in named), None)
    spread = next((name for name in _SPREAD_NAMES if name in named), None)
    if mean is None or spread is None:
        msg = (
            f"encode returned entries {_list_names(named)}; the mean must be called {_or(_MEANS)}, its spread "
            f"{_or(_SPREAD_NAMES)}. {WAY_OUT}"
        )
        raise DataError(msg)
    value = named[spread]
    return named[mean], log_variance(value, _SPREAD_NAMES[spread]) if isinstance(value, Tensor) else value


def _named(output: object) -> Mapping[str, Any] | None:
    """The entries of a mapping or a named tuple by name; None of anything else."""
    if isinstance(output, Mapping):
        return output
    return output._asdict() if isinstance(output, tuple) and hasattr(output, "_asdict") else None


def _list_names(named: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, named)) or "(none)"


def _or(names: Any) -> str:
    *most, last = map(repr, names)
    return f"{', '.join(most)} or {last}"
