"""JSON Schema over a document: what jsonschema finds, said with the document's places."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from jsonschema.validators import extend

from stackc.catalog import JsonSchema
from stackc.diagnostics import errors
from stackc.diagnostics.report import Diagnostic
from stackc.diagnostics.suggest import renames
from stackc.environment import Text
from stackc.source import Span
from stackc.tree import Mapping, Sequence, Value, plain

Keyword = Callable[[Any, Any, Any, JsonSchema], Iterator[ValidationError]]

OF_THE_VALUE = (
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxLength",
    "maximum",
    "minLength",
    "minimum",
)
"""Keywords that ask for the value itself, which a late-bound one does not have yet."""


def faults_of(value: Value, schema: JsonSchema, name: str, place: Span) -> Iterator[Diagnostic]:
    """Every way in which a value is not what its schema asks for, each at its own place.

    `name` is what the whole value is called, and `place` is where something is missing from it.
    """
    for error in _validator(schema).iter_errors(plain(value)):
        yield from _diagnostics(error, value, name, place)


def fits(value: object, schema: JsonSchema) -> bool:
    """Whether a single plain value is what its schema asks for."""
    return bool(_validator(schema).is_valid(value))


def _diagnostics(
    error: ValidationError, root: Value, whole: str, place: Span
) -> Iterator[Diagnostic]:
    path = list(error.absolute_path)
    value, key = _at(root, path)
    name = _name(path) if path else whole
    secret = error.schema.get("format") == "password"
    match error.validator:
        case "additionalProperties":
            assert isinstance(value, Mapping)
            yield from _unknown_keys(value, error.schema.get("properties", {}))
        case "required":
            assert isinstance(value, Mapping)
            for missing in error.validator_value:
                if value.get(missing) is None:
                    yield errors.missing_key(missing, name, key or place)
        case "type":
            own = partial(fits, schema=error.schema)
            yield errors.wrong_type(name, error.validator_value, value, secret, own)
        case "x-static":
            yield errors.not_static(name, value.span)
        case _:
            rule, wanted = str(error.validator), error.validator_value
            form = str(error.schema.get("x-form", ""))
            yield errors.invalid_value(name, value, rule, wanted, form, secret)


def _unknown_keys(mapping: Mapping, known: JsonSchema) -> Iterator[Diagnostic]:
    renamed = renames((entry.key for entry in mapping.entries), known)
    for entry in mapping.entries:
        if entry.key not in known:
            key, near = entry.key, renamed.get(entry.key)
            yield errors.unknown_key(key, entry.key_span, entry.value.span, known, near)


def _at(root: Value, path: list[str | int]) -> tuple[Value, Span | None]:
    """The value at a path, and the place of the key that leads to it."""
    value, key = root, None
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            entry = value.entry(step)
            assert entry is not None
            value, key = entry.value, entry.key_span
        elif isinstance(value, Sequence) and isinstance(step, int):
            value = value.items[step]
            key = value.span
    return value, key


def _name(path: list[str | int]) -> str:
    last = next(step for step in reversed(path) if isinstance(step, str))
    return last if path[-1] == last else f"an item of `{last}`"


def _validator(schema: JsonSchema) -> Any:
    return _Validator(schema)


def _unless_late(keyword: Keyword) -> Keyword:
    def check(validator: Any, wanted: Any, value: Any, schema: JsonSchema) -> Any:
        return () if isinstance(value, Text) else keyword(validator, wanted, value, schema)

    return check


def _static(validator: Any, wanted: Any, value: Any, schema: JsonSchema) -> Any:
    if isinstance(value, Text):
        yield ValidationError("must be known when the stack is built")


def _pattern(validator: Any, wanted: str, value: Any, schema: JsonSchema) -> Any:
    """As ECMA 262 has it, where a final `$` is the end and no line break stands behind it."""
    if isinstance(value, str) and not re.search(re.sub(r"\$\Z", r"\\Z", wanted), value):
        yield ValidationError("does not match")


def _is_scalar_or_late(name: str) -> Callable[[Any, Any], bool]:
    def is_type(checker: Any, value: Any) -> bool:
        if name == "integer" and isinstance(value, float):
            return False  # JSON Schema takes 8.0 for an integer; generated code would not
        return isinstance(value, Text) or Draft202012Validator.TYPE_CHECKER.is_type(value, name)

    return is_type


_Validator = extend(
    Draft202012Validator,
    validators={
        **{name: _unless_late(Draft202012Validator.VALIDATORS[name]) for name in OF_THE_VALUE},
        "pattern": _pattern,
        "x-static": _static,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {name: _is_scalar_or_late(name) for name in ("string", "integer", "number", "boolean")}
    ),
)
