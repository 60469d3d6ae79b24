"""The constructor of an external class beside its config, as far as its text tells."""

import ast
from collections.abc import Iterator

from stackc.diagnostics import external_errors
from stackc.diagnostics.report import Diagnostic
from stackc.external.entries import ExternalType
from stackc.external.trees import at, entries
from stackc.source import Span


def signature_faults(text: bytes, used: ExternalType, place: Span) -> Iterator[Diagnostic]:
    """Fields without a parameter, and parameters that nothing fills; `place` names the class.

    Nothing is said of a class whose constructor is inherited or takes any keyword.
    """
    name = used.type.constructor.name
    found = _constructor(text, name)
    if found is None or found.kwarg is not None:
        return
    parameters = {each.arg: has_default for each, has_default in _parameters(found)}
    places = _places(used)
    for argument, given_at in places.items():
        if argument not in parameters:
            yield external_errors.without_parameter(argument, name, given_at)
    always = _always(used)
    for parameter, has_default in parameters.items():
        if not has_default and parameter not in always:
            where = places.get(parameter, place)
            yield external_errors.without_value(parameter, name, where)


def _constructor(text: bytes, name: str) -> ast.arguments | None:
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    classes = (each for each in statements if isinstance(each, ast.ClassDef) and each.name == name)
    for each in (each for found in classes for each in found.body):
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return each.args
    return None


def _parameters(found: ast.arguments) -> Iterator[tuple[ast.arg, bool]]:
    """Each parameter but `self`, and whether it has a default."""
    positional = [*found.posonlyargs, *found.args]
    first = len(positional) - len(found.defaults)
    yield from ((each, index >= first) for index, each in enumerate(positional) if index)
    for each, default in zip(found.kwonlyargs, found.kw_defaults, strict=True):
        yield each, default is not None


def _places(used: ExternalType) -> dict[str, Span]:
    """What the generated code may pass, and where the file says so."""
    fields = {entry.key: entry.key_span for entry in entries(at(used.root, "config", "properties"))}
    arguments = {entry.key: entry.key_span for entry in entries(used.root.get("arguments"))}
    groups = at(used.root, "shared_config")
    for name in _passed(used):
        if name not in fields and groups is not None:
            fields[name] = groups.span
    own = {name: place for name, place in fields.items() if name in _passed(used)}
    return {**own, **arguments}


def _passed(used: ExternalType) -> list[str]:
    """The fields that are passed under their own names; nothing is done with planned ones."""
    patterns = "".join(used.type.arguments.values())
    properties = used.type.config.get("properties", {})
    return [
        name
        for name, field in properties.items()
        if f"{{{name}}}" not in patterns and "x-planned" not in field
    ]


def _always(used: ExternalType) -> set[str]:
    """The parameters that every construction is given."""
    required = set(used.type.config.get("required", ()))
    properties = used.type.config.get("properties", {})
    always = {
        name
        for name, pattern in used.type.arguments.items()
        if any(
            f"{{{field}}}" in pattern and (field in required or "default" in schema)
            for field, schema in properties.items()
        )
    }
    return always | required | ({"models"} if used.type.compiled_models else set())
