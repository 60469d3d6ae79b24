"""`stackc new api`: the entry of the catalog, the schemas of its routes, the endpoint class, a test."""

import json
import re

from stackc.catalog import Catalog
from stackc.names import identifier
from stackc.scaffold.checkout import Checkout, ScaffoldError, class_name, render

NAME_FORM = r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*"


def add_api(checkout: Checkout, name: str) -> list[str]:
    """Writes the files; returns their paths. Raises ScaffoldError."""
    if not re.fullmatch(NAME_FORM, name) or identifier(name) != name:
        raise ScaffoldError(
            f"`{name}` cannot name an API: a name is of small letters and digits, a letter first, "
            "words joined by `_`, and no word of Python"
        )
    catalog = Catalog(checkout.root / "schemas")
    if name in catalog.api_names and catalog.api(name).planned:
        raise ScaffoldError(
            f"schemas/apis/{name}.yaml is there already, as planned: give it a `class` in the place of "
            "its `status`, and each of its routes a `call` and a `response`"
        )
    values = {"name": name, "symbol": class_name(name), "path": f"/v1/{name.replace('_', '-')}"}
    files = {
        f"schemas/apis/{name}.yaml": render("api.yaml", **values),
        f"schemas/openapi/{name}.json": _components(values["symbol"]),
        f"runtime/stackrt/apis/{name}.py": render("api.py", **values),
        f"tests/runtime/apis/test_{name}.py": render("test_api.py", **values),
    }
    return checkout.add(files, {})


def _components(symbol: str) -> str:
    """The JSON Schemas of the request and the response."""
    part = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    return json.dumps({f"{symbol}Request": part, f"{symbol}Response": part}, indent=2) + "\n"
