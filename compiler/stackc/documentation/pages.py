"""Every page of the documentation from one catalog; the same catalog and parser give the same bytes."""

from argparse import ArgumentParser
from pathlib import Path

from jinja2 import Environment

from stackc import rendering
from stackc.catalog import Catalog
from stackc.documentation.material import Material
from stackc.editor_schema import editor_schema
from stackc.editor_schema import text as schema_text

Pages = dict[str, bytes]
"""Paths below the folder of the documentation, and what the files hold."""


def pages(catalog: Catalog, parser: ArgumentParser) -> Pages:
    """The pages, sorted by path."""
    material = Material(catalog, parser)
    texts = {
        path: _environment().get_template(f"{template}.jinja").render(material=material)
        for path, template in _SINGLE.items()
    }
    template = _environment().get_template("provider_types.md.jinja")
    for group in material.groups:
        texts[f"providers/{group.api.name}.md"] = template.render(group=group)
    texts["distribution.schema.json"] = schema_text(editor_schema(catalog))
    return {path: texts[path].encode() for path in sorted(texts)}


_SINGLE = {
    "apis.md": "apis.md",
    "cli.md": "cli.md",
    "distribution.md": "distribution.md",
    "errors.md": "errors.md",
    "not-yet-supported.md": "not-yet-supported.md",
    "providers/README.md": "providers.md",
}
"""The pages that there is one of, and their templates."""


def _environment() -> Environment:
    environment = rendering.environment(Path(__file__).parent)
    environment.filters["cell"] = _cell
    return environment


def _cell(text: str) -> str:
    """A text as it stands in a cell of a table; `<name>` is no tag of HTML, in code or outside."""
    parts = " ".join(text.replace("|", "\\|").split()).split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)
