"""What is read and checked, and not built yet: the keys that their schema marks `x-planned`."""

from collections.abc import Iterator

from stackc.catalog import JsonSchema
from stackc.diagnostics import section_errors
from stackc.diagnostics.report import Diagnostic
from stackc.tree import Entry, Mapping, Sequence, Value
from stackc.variants import concrete


def unbuilt(value: Value | None, schema: JsonSchema, root: JsonSchema) -> Iterator[Diagnostic]:
    """An error for each such key that asks for something, the outermost one where they nest."""
    if isinstance(value, Sequence):
        for item in value.items:
            yield from unbuilt(item, schema.get("items", {}), root)
    elif isinstance(value, Mapping):
        schema = concrete(schema, root.get("$defs", {}), value)
        for entry in value.entries:
            yield from _of_entry(entry, _schema_of(entry.key, schema), root)


def _of_entry(entry: Entry, schema: JsonSchema, root: JsonSchema) -> Iterator[Diagnostic]:
    planned = schema.get("x-planned")
    if planned is None:
        yield from unbuilt(entry.value, schema, root)
    elif _asks(entry.value, schema, root):
        instead = schema.get("x-instead")
        yield section_errors.not_yet_supported(entry.key, planned, entry.key_span, instead)


def _schema_of(key: str, schema: JsonSchema) -> JsonSchema:
    found = schema.get("properties", {}).get(key)
    if found is None:
        found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _asks(value: Value, schema: JsonSchema, root: JsonSchema) -> bool:
    """Whether a value asks for anything: neither nothing nor what there is without it."""
    if isinstance(value, Sequence):
        return bool(value.items)
    if isinstance(value, Mapping):
        schema = concrete(schema, root.get("$defs", {}), value)
        return any(_asks(each.value, _schema_of(each.key, schema), root) for each in value.entries)
    return value.value not in (None, "") and value.value != schema.get("default", False)
