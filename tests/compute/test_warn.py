"""Warnings point at the user's line."""

import inspect
import warnings
from pathlib import Path

from riemann_sampler import RiemannSamplerWarning
from riemann_sampler.compute.warn import warn_user

INSIDE = """
def deep():
    warn_user("look here", RiemannSamplerWarning)

def outer(function=deep):
    function()
"""


def test_the_line_is_the_one_that_led_into_the_package() -> None:
    names = {
        "__name__": "riemann_sampler.some.module",
        "warn_user": inspect.unwrap(warn_user),
        "RiemannSamplerWarning": RiemannSamplerWarning,
    }
    exec(INSIDE, names)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        names["outer"]()  # type: ignore[operator]
        names["deep"]()  # type: ignore[operator]
    for warning, called in zip(caught, ("outer", "deep"), strict=True):
        line = Path(warning.filename).read_text().splitlines()[warning.lineno - 1]
        assert f'names["{called}"]()' in line
        assert warning.category is RiemannSamplerWarning
