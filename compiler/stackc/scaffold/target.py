"""`stackc new target`: a folder of templates, and its name in both lists of targets."""

import ast
import json
import re

from stackc.package import CONTEXT
from stackc.scaffold.checkout import Checkout, ScaffoldError, render
from stackc.scaffold.layout import enclosed

NAME_FORM = r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
LIST = "compiler/stackc/targets.py"
SCHEMA = "schemas/distribution.schema.json"


def add_target(checkout: Checkout, name: str) -> list[str]:
    """Writes the template and lists the target; returns the paths. Raises ScaffoldError."""
    if not re.fullmatch(NAME_FORM, name) or name in CONTEXT:
        raise ScaffoldError(
            f"`{name}` cannot name a target: a name is of small letters and digits, words joined by "
            f"`-` or `_`, and none of {', '.join(CONTEXT)}"
        )
    if (checkout.root / "templates" / name).exists():
        raise ScaffoldError(f"`templates/{name}` is there already")
    template = f"templates/{name}/README.md.jinja"
    changed = {
        LIST: _listed(checkout.read(LIST), name),
        SCHEMA: _offered(checkout.read(SCHEMA), name),
    }
    return checkout.add({template: render("target.md", name=name)}, changed)


def _offered(schema: str, name: str) -> str:
    """The text of the schema of a distribution, with one more value of `targets`."""
    match = re.search(r'"targets": \{.*?"enum": (\[.*?\])', schema, re.DOTALL)
    if match is None:
        raise ScaffoldError(f"`{SCHEMA}` has no `targets`")
    names = json.dumps(sorted({*json.loads(match[1]), name}))
    return schema[: match.start(1)] + names + schema[match.end(1) :]


def _listed(source: str, name: str) -> str:
    """The text of a module with one more target in its `TARGETS`."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "TARGETS":
            names = sorted({*ast.literal_eval(node.value), name})
            lines = source.splitlines(keepends=True)
            written = enclosed("TARGETS = (", tuple(f'"{each}"' for each in names), ")\n")
            return "".join([*lines[: node.lineno - 1], written, *lines[node.end_lineno :]])
    raise ScaffoldError(f"`{LIST}` has no `TARGETS`")
