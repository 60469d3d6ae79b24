"""The expressions of generated code, before they are text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stackc.values import Static


@dataclass(frozen=True)
class Constant:
    """A value that is known."""

    value: Static


@dataclass(frozen=True)
class Reference:
    """A dotted name: a variable, an attribute, a class."""

    name: str


@dataclass(frozen=True)
class Formatted:
    """Text with values in it: an f-string."""

    parts: tuple["str | Expression", ...]


@dataclass(frozen=True)
class Conditional:
    """One value where a condition holds, another where not."""

    condition: "Expression"
    then: "Expression"
    otherwise: "Expression"


@dataclass(frozen=True)
class When:
    """An item of a list that is only there where a condition holds."""

    condition: "Expression"
    item: "Expression"


@dataclass(frozen=True)
class Child:
    """A path below another path."""

    parent: "Expression"
    name: str


@dataclass(frozen=True)
class Call:
    """A call by keyword; a positional argument has an empty keyword."""

    function: str
    arguments: tuple[tuple[str, "Expression"], ...]


@dataclass(frozen=True)
class Method:
    """A call without arguments of a method of what an expression gives."""

    of: "Expression"
    name: str


@dataclass(frozen=True)
class ListOf:
    """A list."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class DictOf:
    """A dict with keys that are known."""

    items: tuple[tuple[str, "Expression"], ...]


Expression = (
    Constant | Reference | Formatted | Conditional | When | Child | Call | Method | ListOf | DictOf
)


def functions(expression: Expression) -> Iterator[str]:
    """The name of every function that an expression calls."""
    if isinstance(expression, Call):
        yield expression.function
    for part in _parts(expression):
        yield from functions(part)


def _parts(expression: Expression) -> Iterator[Expression]:
    match expression:
        case Formatted(parts):
            yield from (part for part in parts if not isinstance(part, str))
        case Conditional(condition, then, otherwise):
            yield from (condition, then, otherwise)
        case When(condition, item):
            yield from (condition, item)
        case Child(part, _) | Method(part, _):
            yield part
        case Call(_, items) | DictOf(items):
            yield from (part for _, part in items)
        case ListOf(items):
            yield from items


def as_json(expression: Expression) -> Any:
    """The expression as JSON: constants as they are, everything else as a one-key object."""
    match expression:
        case Constant(value):
            return value
        case Reference(name):
            return {"name": name}
        case Formatted(parts):
            return {"format": [each if isinstance(each, str) else as_json(each) for each in parts]}
        case Conditional(condition, then, otherwise):
            return {"if": [as_json(each) for each in (condition, then, otherwise)]}
        case When(condition, item):
            return {"when": as_json(condition), "item": as_json(item)}
        case Child(parent, name):
            return {"path": [as_json(parent), name]}
        case Call(function, arguments):
            return {"call": function, "with": {key: as_json(each) for key, each in arguments}}
        case Method(of, name):
            return {"call": name, "of": as_json(of)}
        case ListOf(items):
            return [as_json(each) for each in items]
        case DictOf(items):
            return {"dict": {key: as_json(each) for key, each in items}}
