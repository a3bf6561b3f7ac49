"""How objects with arguments show themselves, as text and in notebooks."""

from collections.abc import Mapping
from html import escape

__all__ = ["html_box", "text_line"]

_ROW = '<tr><td style="text-align: left">{}</td><td style="text-align: left"><code>{}</code></td></tr>'


def text_line(name: str, arguments: Mapping[str, str], state: str) -> str:
    """A call with these arguments, and the object's state as a comment."""
    return f"{name}({', '.join(f'{key}={value}' for key, value in arguments.items())})  # {state}"


def html_box(name: str, arguments: Mapping[str, str], state: str) -> str:
    """A box that opens to a table of the arguments."""
    rows = "".join(_ROW.format(escape(key), escape(value)) for key, value in arguments.items())
    table = f"<table>{rows}</table>" if rows else "<p>all arguments at their defaults</p>"
    return f"<details><summary><b>{escape(name)}</b> ({escape(state)})</summary>{table}</details>"
