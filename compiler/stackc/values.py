"""Checked values: what is known when the stack is built, and what only its environment tells."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from stackc import environment
from stackc.source import Span

Kind = Literal["string", "integer", "number", "boolean"]

Static = str | int | float | bool | None


@dataclass(frozen=True)
class Name:
    """A name that the user wrote, and where."""

    text: str
    span: Span


@dataclass(frozen=True)
class LateBound:
    """A value that the stack reads from its environment when it starts.

    `field` is the key that it stands under; `kind`, `secret` and `nullable` (it may be left empty)
    come from the schema of that field, as does `fallback`, its default.
    """

    field: str
    text: environment.Text
    kind: Kind
    secret: bool
    nullable: bool
    fallback: Static
    span: Span

    @property
    def only(self) -> environment.Reference | None:
        """The reference, where the value is one reference and no other text."""
        first = self.text.parts[0]
        return first if len(self.text.parts) == 1 and not isinstance(first, str) else None

    def needs(self, reference: environment.Reference) -> bool:
        """Whether the stack cannot start without a variable that the value refers to.

        `${env.X}` says so; `${env.X:=}` does where the field can neither be empty nor has a default.
        """
        empty = reference.operator == ":=" and not reference.operand and self.fallback is None
        return reference.operator == "" or (empty and bool(self.only) and not self.nullable)


@dataclass(frozen=True)
class Object:
    """A checked mapping."""

    fields: tuple[tuple[str, "Checked"], ...]

    def get(self, key: str) -> "Checked":
        """The value under a key, or None."""
        return dict(self.fields).get(key)

    def __contains__(self, key: str) -> bool:
        return any(name == key for name, _ in self.fields)


@dataclass(frozen=True)
class Array:
    """A checked list."""

    items: tuple["Checked", ...]


Checked = Static | LateBound | Object | Array


def late_bound(value: Checked) -> Iterator[LateBound]:
    """Every late-bound value inside a value, in order."""
    if isinstance(value, LateBound):
        yield value
    elif isinstance(value, Object):
        for _, field in value.fields:
            yield from late_bound(field)
    elif isinstance(value, Array):
        for item in value.items:
            yield from late_bound(item)


class KindError(ValueError):
    """A text that cannot be read as the kind that its field wants."""


def coerce(text: str, kind: Kind) -> Static:
    """A text of the environment as the kind of its field; raises KindError.

    A string stays as it is, digits or not; a boolean is `true` or `false` in any case.
    """
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return _finite(float(text))
    except ValueError:
        raise KindError(text) from None
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise KindError(text)
        return text.lower() == "true"
    return text


def reads_as(text: str, kind: Kind) -> bool:
    """Whether a text of the environment can be read as a kind."""
    try:
        coerce(text, kind)
    except KindError:
        return False
    return True


def _finite(number: float) -> float:
    """The number; raises ValueError for what has no place in code or JSON."""
    if not isfinite(number):
        raise ValueError(number)
    return number
