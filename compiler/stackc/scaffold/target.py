"""`stackc new target`: a folder of templates, and its name where targets are listed."""

import ast
import re

from stackc.package import CONTEXT
from stackc.scaffold.checkout import Checkout, ScaffoldError, render
from stackc.scaffold.layout import enclosed

NAME_FORM = r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
EMITTER = "compiler/stackc/emit.py"


def add_target(checkout: Checkout, name: str) -> list[str]:
    """Writes the template and lists the target; returns the paths. Raises ScaffoldError."""
    if not re.fullmatch(NAME_FORM, name) or name in CONTEXT:
        raise ScaffoldError(
            f"`{name}` cannot name a target: a name is of small letters and digits, words joined by "
            f"`-` or `_`, and none of {', '.join(CONTEXT)}"
        )
    if (checkout.root / "templates" / name).exists():
        raise ScaffoldError(f"`templates/{name}` is there already")
    # In a folder of its own below the generated one, where files of other targets stand too.
    template = f"templates/{name}/{name}/README.md.jinja"
    listed = _listed(checkout.read(EMITTER), name)
    return checkout.add({template: render("target.md", name=name)}, {EMITTER: listed})


def _listed(source: str, name: str) -> str:
    """The emitter's text with one more target in its `TARGETS`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TARGETS":
            names = sorted({*ast.literal_eval(node.value), name})
            lines = source.splitlines(keepends=True)
            written = enclosed("TARGETS = (", tuple(f'"{each}"' for each in names), ")\n")
            return "".join([*lines[: node.lineno - 1], written, *lines[node.end_lineno :]])
    raise ScaffoldError(f"`{EMITTER}` has no `TARGETS`")
