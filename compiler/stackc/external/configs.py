"""The config of an external provider type: a JSON Schema, of which every part must be one itself."""

import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from stackc.catalog import Parts
from stackc.diagnostics import errors, external_errors
from stackc.diagnostics.report import Diagnostic
from stackc.external.trees import at, entries, texts
from stackc.shape import fits
from stackc.tree import Entry, Mapping, Scalar, Value
from stackc.values import Name

OURS = ("x-aliases", "x-definition", "x-form", "x-planned", "x-sample", "x-static", "x-store")
"""The keys of ours that stand beside those of JSON Schema."""

KEYWORDS = (
    *("type", "description", "default", "enum", "const", "format", "pattern", "minLength"),
    *("maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    *("items", "minItems", "maxItems", "uniqueItems", "properties", "required"),
    *("additionalProperties", "dependentRequired", "anyOf", "oneOf", "not"),
    *OURS,
)
"""What a field can have: no references, for code is generated from what stands in it."""


def config_faults(root: Mapping, data: dict[str, Any], parts: Parts) -> Iterator[Diagnostic]:
    """Everything that is wrong with the config of a file, and with what refers to its fields."""
    for group in texts(root.get("shared_config")):
        if group.text not in parts.shared:
            yield external_errors.unknown_name("group of fields", group, sorted(parts.shared))
            return
    written = root.get("config")
    faults = [*_schema_faults(data.get("config", {}), written)]
    faults += (each for field in _fields(written) for each in _field_faults(field, parts))
    yield from faults
    if not faults:
        fields = parts.config(data).get("properties", {})
        yield from _reference_faults(root, data, fields)


def _schema_faults(schema: dict[str, Any], written: Value | None) -> Iterator[Diagnostic]:
    """What the schema of schemas says, each at its place."""
    validator = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    for error in validator.iter_errors(schema):
        found = at(written, *error.absolute_path)
        if found is not None:
            name = ".".join(("config", *map(str, error.absolute_path)))
            yield external_errors.bad_schema(name, error.message, found.span)


def _field_faults(field: Entry, parts: Parts) -> Iterator[Diagnostic]:
    """What is wrong with a field, and with those inside of it."""
    if not isinstance(field.value, Mapping):
        return
    for entry in field.value.entries:
        if entry.key not in KEYWORDS:
            yield errors.unknown_key(entry.key, entry.key_span, entry.value.span, KEYWORDS, None)
    named = field.value.get("x-definition")
    if isinstance(named, Scalar) and named.value not in parts.definitions:
        name = Name(named.raw, named.span)
        yield external_errors.unknown_name("definition", name, sorted(parts.definitions))
    pattern = field.value.get("pattern")
    if isinstance(pattern, Scalar) and isinstance(pattern.value, str):
        try:
            re.compile(pattern.value)
        except re.error as error:
            yield external_errors.bad_schema(f"{field.key}.pattern", str(error), pattern.span)
    for inner in _fields(field.value):
        yield from _field_faults(inner, parts)


def _reference_faults(
    root: Mapping, data: dict[str, Any], fields: dict[str, dict[str, Any]]
) -> Iterator[Diagnostic]:
    """Fields that `required`, `arguments` and `packages_by` name, and defaults that do not fit."""
    config, known = root.get("config"), sorted(fields)
    named = [*texts(at(config, "required")), *_placeholders(root.get("arguments"))]
    for name in named:
        if name.text not in fields:
            yield external_errors.unknown_name("field", name, known)
    for entry in entries(root.get("packages_by")):
        if entry.key not in fields:
            name = Name(entry.key, entry.key_span)
            yield external_errors.unknown_name("field", name, known)
        elif not _decides(fields[entry.key], data["packages_by"][entry.key]):
            problem = f"packages cannot depend on `{entry.key}`"
            help_ = "make it an `enum` with `x-static: true` and a `default`, and list its values"
            yield external_errors.entry(problem, entry.key_span, help_)
    for field in _fields(config):
        schema = fields[field.key]
        if "default" in schema and not fits(schema["default"], schema):
            problem = f"the default of `{field.key}` is not a value of it"
            place = at(field.value, "default") or field.value
            yield external_errors.entry(problem, place.span)


def _decides(field: dict[str, Any], choices: dict[str, Any]) -> bool:
    values = set(map(str, field.get("enum", ())))
    given = str(field.get("default")) in values and field.get("x-static") is True
    return given and values == set(choices)


def _placeholders(arguments: Value | None) -> Iterator[Name]:
    for entry in entries(arguments):
        if isinstance(entry.value, Scalar):
            for field in re.findall(r"\{(\w+)\}", str(entry.value.value)):
                yield Name(field, entry.value.span)


def _fields(schema: Value | None) -> tuple[Entry, ...]:
    return entries(at(schema, "properties"))
