"""What must be known of a JSON Schema: its parts, and whether a finite value is valid under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

# Times that all references are looked at. One more is needed for each that leads to a later one;
# a schema that is not understood by then passes.
_SWEEPS = 100

_BY_NAME = ("$defs", "definitions", "properties", "patternProperties")
_IN_A_ROW = ("allOf", "anyOf", "oneOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "additionalItems", "not")


def parts(schema: object) -> Iterator[tuple[tuple[str, ...], object]]:
    """The schemas directly within `schema`, with the steps to each."""
    if not isinstance(schema, Mapping):
        return
    for key in _BY_NAME:
        named = schema.get(key)
        if isinstance(named, Mapping):
            yield from (((key, str(name)), part) for name, part in named.items())
    for key in _IN_A_ROW:
        row = schema.get(key)
        if isinstance(row, Sequence) and not isinstance(row, str):
            yield from (((key, str(index)), part) for index, part in enumerate(row))
    yield from (((key,), schema[key]) for key in _SINGLE if isinstance(schema.get(key), Mapping))


def endless(schema: object) -> bool:
    """Whether every value under `schema` would have to contain another one of its kind.

    References that lead nowhere, or out of the schema, are for others to refuse.
    """
    targets = {reference: _target(schema, reference) for reference in set(_references(schema))}
    ending: set[str] = set()
    for _ in range(_SWEEPS):
        found = {
            reference
            for reference, target in targets.items()
            if reference not in ending and _ends(target, ending)
        }
        if not found:
            return not _ends(schema, ending)
        ending |= found
    return False


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    for _, part in parts(schema):
        yield from _references(part)


def _target(schema: object, reference: str) -> object:
    """What a JSON pointer in a fragment (RFC 6901, section 6) leads to; True for another place."""
    if not reference.startswith("#"):
        return True
    for step in reference[1:].split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(schema, Mapping) and key in schema:
            schema = schema[key]
        elif isinstance(schema, list) and key.isdecimal() and int(key) < len(schema):
            schema = schema[int(key)]
        else:
            return True
    return schema


def _ends(schema: object, ending: set[str]) -> bool:
    """Whether a finite value is valid, if there is one for each reference of `ending`."""
    if not isinstance(schema, Mapping):
        return True
    if isinstance(schema.get("$ref"), str) and schema["$ref"] not in ending:
        return False
    if not all(_ends(part, ending) for part in _row(schema, "allOf")):
        return False
    for key in ("anyOf", "oneOf"):
        row = _row(schema, key)
        if row and not any(_ends(part, ending) for part in row):
            return False
    return all(_ends(part, ending) for part in _needed(schema))


def _needed(schema: Mapping[str, Any]) -> Iterator[object]:
    """The schemas of what any value under `schema` contains."""
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties")
        for name in _row(schema, "required"):
            if isinstance(properties, Mapping) and isinstance(name, str):
                yield properties.get(name, True)
    least = schema.get("minItems")
    if kind == "array" and isinstance(least, int) and least > 0:
        first = _row(schema, "prefixItems")[:least]
        yield from first
        if len(first) < least:
            yield schema.get("items", True)


def _row(schema: Mapping[str, Any], key: str) -> list[Any]:
    row = schema.get(key)
    return row if isinstance(row, list) else []
