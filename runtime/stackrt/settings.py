"""Reads a stack's settings from the environment, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError


class Dataclass(Protocol):
    """A dataclass whose fields are str, int, float, bool or SecretStr, or one of them or None."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


S = TypeVar("S", bound=Dataclass)
T = TypeVar("T")


class SettingsError(Exception):
    """What is missing or wrong in the environment: one sentence a variable, never its value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def read(settings: type[S], environ: Mapping[str, str]) -> S:
    """An instance of the dataclass `settings`, its fields read from `environ`.

    A field is the variable of its name in capitals; one that is empty counts as not set. A field
    may name in its metadata, as `needed_with`, variables that make it needed when one of them is
    set. Raises SettingsError.
    """
    present = {variable: value for variable, value in environ.items() if value}
    given = {
        field.name: present[_variable(field)]
        for field in fields(settings)
        if _variable(field) in present
    }
    problems = list(_needed(settings, present))
    try:
        values = TypeAdapter(settings).validate_python(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise SettingsError(
            [_problem(str(each["loc"][0]).upper(), each["msg"]) for each in found] + problems
        ) from None
    if problems:
        raise SettingsError(problems)
    return values


def needed(value: T | None) -> T:
    """The value of a field that its `needed_with` made needed, which `read` has made sure of."""
    if value is None:
        raise SettingsError(["a variable that is needed is not set"])
    return value


def _needed(settings: type[S], present: Mapping[str, str]) -> Iterator[str]:
    """The problems of fields that only other variables make needed."""
    for field in fields(settings):
        others = [name for name in field.metadata.get("needed_with", ()) if name in present]
        if others and _variable(field) not in present:
            yield f"{_variable(field)} is not set, and {others[0]} is, which needs it"


def _variable(field: Field[Any]) -> str:
    return field.name.upper()


def _problem(variable: str, message: str) -> str:
    if message == "Field required":
        return f"{variable} is not set"
    return f"{variable} {message.removeprefix('Input ')}"
