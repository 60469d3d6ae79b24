"""The expressions of generated code, before they are text."""

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
class ListOf:
    """A list."""

    items: tuple["Expression", ...]


@dataclass(frozen=True)
class DictOf:
    """A dict with keys that are known."""

    items: tuple[tuple[str, "Expression"], ...]


Expression = Constant | Reference | Formatted | Conditional | Child | Call | ListOf | DictOf


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
        case Child(parent, name):
            return {"path": [as_json(parent), name]}
        case Call(function, arguments):
            return {"call": function, "with": {key: as_json(each) for key, each in arguments}}
        case ListOf(items):
            return [as_json(each) for each in items]
        case DictOf(items):
            return {"dict": {key: as_json(each) for key, each in items}}
