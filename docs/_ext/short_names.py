"""Links from docstrings and annotations, which say `LatentModel` or name its module, to where it is documented.

A name of this package is looked up by its last component. In docstrings a single backquote stands for code of any
kind: what is not documented anywhere stays code without a link. Likewise a bar is a bar, as in ∫ V |γ'| dt, and what
follows a backquote may be a letter or an index, as in `constant`_k.
"""

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment


def _documented(env: BuildEnvironment, target: str) -> str | None:
    """The one documented name that ends like this one, the shortest if there are several."""
    objects = env.domains["py"].objects
    ends = [name for name in objects if name == target or name.endswith(f".{target}")]
    return min(ends, key=len, default=None)


def _resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Any) -> nodes.Node | None:
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    is_ours = target.startswith("riemann_sampler.") or "." not in target
    lenient = node["reftype"] == "obj"  # the role of docstrings
    name = _documented(env, target if lenient else target.rpartition(".")[2]) if is_ours or lenient else None
    if name is None:
        return content if lenient else None
    found = env.domains["py"].objects[name]
    refuri = app.builder.get_relative_uri(node["refdoc"], found.docname)
    return nodes.reference("", "", content, internal=True, refuri=f"{refuri}#{found.node_id}", reftitle=name)


def _keep_plain(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    for number, line in enumerate(lines):
        parts = re.split("(`+[^`]*`+)", line)  # every other one is code
        for i in range(0, len(parts), 2):
            text = parts[i].replace("|", r"\|")
            parts[i] = rf"\ {text}" if i and re.match(r"_\w", text) else text
        lines[number] = "".join(parts)


def _leave_out_fields(app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object) -> bool | None:
    """Fields of named tuples are described with their class."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register all three."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", _keep_plain)
    app.connect("autodoc-skip-member", _leave_out_fields)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
