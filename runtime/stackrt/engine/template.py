"""What translated chat templates call: Jinja's rules for values that Python treats otherwise.

A missing entry is `UNDEFINED`, which is false and prints as nothing; a use of a value that Jinja
would refuse raises TemplateError, which the server answers with a 400.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from datetime import datetime
from typing import Any, Final, NoReturn

from stackrt.engine.template_limits import TemplateError, budget, check_entries, check_length

_MAX_BITS: Final = 4096
_MAX_INDENT: Final = 100


class Undefined:
    """The value of a name or an entry that does not exist."""

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "Undefined"

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())


UNDEFINED: Final = Undefined()


class Namespace:
    """Variables that keep what a loop's body assigns to them; a missing one is UNDEFINED."""

    def __init__(self, /, **values: Any) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        return UNDEFINED

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value


class Loop:
    """Where a loop stands: `loop` of a template."""

    __slots__ = ("_entries", "index0")

    def __init__(self, entries: Sequence[Any], index0: int) -> None:
        self._entries = entries
        self.index0 = index0

    @property
    def index(self) -> int:
        return self.index0 + 1

    @property
    def first(self) -> bool:
        return self.index0 == 0

    @property
    def last(self) -> bool:
        return self.index == len(self._entries)

    @property
    def length(self) -> int:
        return len(self._entries)

    @property
    def revindex(self) -> int:
        return len(self._entries) - self.index0

    @property
    def revindex0(self) -> int:
        return len(self._entries) - self.index

    @property
    def previtem(self) -> Any:
        return UNDEFINED if self.first else self._entries[self.index0 - 1]

    @property
    def nextitem(self) -> Any:
        return UNDEFINED if self.last else self._entries[self.index]

    def cycle(self, *values: Any) -> Any:
        """The values in turn, one for each round."""
        return values[self.index0 % len(values)]


def fail(message: Any) -> NoReturn:
    """Refuses the conversation: `raise_exception` of a template."""
    raise TemplateError(text(message))


def item(value: Any, *path: Any) -> Any:
    """The entry that is reached by the path of keys and indices, UNDEFINED if the last is missing.

    Raises TemplateError if there is nothing to look into.
    """
    for key in path:
        if isinstance(value, Undefined):
            raise TemplateError(f"the template looks up {key!r} in a value that is undefined")
        try:
            value = value[key]
        except (TypeError, LookupError):
            value = UNDEFINED
    return value


def part(value: Any, start: Any = None, stop: Any = None, step: Any = None) -> Any:
    """A slice. Raises TemplateError if the value has none."""
    if isinstance(value, str | list | tuple):
        try:
            return value[start:stop:step]
        except (TypeError, ValueError) as error:
            raise TemplateError(f"the template cuts with a wrong index: {error}") from error
    raise _wrong("cuts", value)


def enter() -> None:
    """Counts a call of a macro among the rounds of loops. Raises TemplateError after too many."""
    budget().take()


def joined(parts: Sequence[str]) -> str:
    """What was printed, in one. Raises TemplateError if it is longer than texts may be."""
    check_length(sum(map(len, parts)))
    return "".join(parts)


def limited(value: str) -> str:
    """The text itself. Raises TemplateError if it is longer than texts may be."""
    check_length(len(value))
    return value


def replaced(value: str, old: str, new: str, count: int = -1) -> str:
    """`value.replace(old, new, count)`. Raises TemplateError if it gets longer than texts may be."""
    found = value.count(old) if count < 0 else min(count, value.count(old))
    check_length(len(value) + found * (len(new) - len(old)))
    return value.replace(old, new, count)


def text(value: Any) -> str:
    """The value as it is printed. Raises TemplateError for a list that nobody could read."""
    if isinstance(value, str):
        return value
    check_entries(value)
    return str(value)


def string(value: Any) -> str:
    """The value itself. Raises TemplateError if it is not a string."""
    if isinstance(value, str):
        return value
    raise _wrong("uses as a string", value)


def mapping(value: Any) -> Mapping[Any, Any]:
    """The value itself. Raises TemplateError if it has no entries with keys."""
    if isinstance(value, Mapping):
        return value
    raise _wrong("uses as a mapping", value)


def integer(value: Any) -> int:
    """The value itself. Raises TemplateError if it is not a whole number."""
    if isinstance(value, int):
        return value
    raise _wrong("uses as a whole number", value)


def each(value: Any) -> Iterable[Any]:
    """What a loop over the value goes through.

    Raises TemplateError if there is nothing such, and when all loops have had too many rounds.
    """
    if isinstance(value, Iterable):
        return _counted(value)
    raise _wrong("loops over", value)


def _counted(value: Iterable[Any]) -> Iterator[Any]:
    left = budget()
    for entry in value:
        left.take()
        yield entry


def numbers(*bounds: int) -> range:
    """`range` of a template. Raises TemplateError if it is longer than loops may be."""
    try:
        found = range(*bounds)
        budget().take(len(found))
    except (OverflowError, ValueError) as error:
        raise TemplateError(f"the template has a wrong range: {error}") from error
    return found


def loops(value: Any) -> Iterator[tuple[Loop, Any]]:
    """What a loop goes through, each entry with where the loop stands. Raises as `each`."""
    left = budget()
    known = value if isinstance(value, list | tuple) else list(each(value))
    for index, entry in enumerate(known):
        left.take()
        yield Loop(known, index), entry


def items(value: Any) -> list[tuple[Any, Any]]:
    """Keys with their values. Raises TemplateError for what is neither a mapping nor undefined."""
    return [] if isinstance(value, Undefined) else list(mapping(value).items())


def length(value: Any) -> int:
    """How many entries or characters the value has. Raises TemplateError if it has none."""
    if isinstance(value, Sized):
        return len(value)
    raise _wrong("takes the length of", value)


def first(value: Any) -> Any:
    """The first entry, or UNDEFINED. Raises TemplateError if the value has no entries."""
    return next(iter(each(value)), UNDEFINED)


def last(value: Any) -> Any:
    """The last entry, or UNDEFINED. Raises TemplateError if the value has no order."""
    if isinstance(value, str | list | tuple | Mapping | Undefined):
        return next(reversed(list(value)), UNDEFINED)
    raise _wrong("takes the last entry of", value)


def join(value: Any, separator: str = "") -> str:
    """The entries as text, with the separator between them."""
    parts = [text(entry) for entry in each(value)]
    check_length(sum(map(len, parts)) + len(separator) * len(parts))
    return separator.join(parts)


def default(value: Any, otherwise: Any, *, falsy: bool = False) -> Any:
    """The value, or something else if it is undefined (with `falsy`: or false)."""
    return otherwise if value is UNDEFINED or (falsy and not value) else value


def to_json(
    value: Any,
    *,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as transformers writes it. Raises TemplateError for what JSON has no form for."""
    if indent is not None and not 0 <= integer(indent) <= _MAX_INDENT:
        raise TemplateError(f"the template indents JSON by {indent}")
    check_entries(value)
    try:
        return json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )
    except (TypeError, ValueError) as error:
        raise TemplateError(f"the template writes as JSON what is none: {error}") from error


def to_int(value: Any, otherwise: int = 0) -> int:
    """The value as a whole number, or something else if it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        try:
            return int(float(value))
        except (TypeError, ValueError, OverflowError):
            return otherwise


def to_float(value: Any, otherwise: float = 0.0) -> float:
    """The value as a number, or something else if it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return otherwise


def is_iterable(value: Any) -> bool:
    """Whether a loop can go through the value."""
    return isinstance(value, Iterable)


def is_sequence(value: Any) -> bool:
    """Whether the value has a length and entries, as strings and mappings do."""
    return isinstance(value, str | list | tuple | Mapping | Undefined)


def contains(container: Any, value: Any) -> bool:
    """`value in container`. Raises TemplateError where Python raises TypeError."""
    try:
        return value in container
    except TypeError as error:
        raise TemplateError(f"the template searches where it cannot: {error}") from error


def equal(left: Any, right: Any) -> bool:
    """`left == right`, for constants that are more often compared by identity."""
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """`left < right`. Raises TemplateError where Python raises TypeError."""
    try:
        return bool(left < right)
    except TypeError as error:
        raise TemplateError(f"the template compares what has no order: {error}") from error


def less_or_equal(left: Any, right: Any) -> bool:
    """`left <= right`. Raises TemplateError where Python raises TypeError."""
    return less(left, right) or equal(left, right)


def add(left: Any, right: Any) -> Any:
    """`left + right`. Raises TemplateError where Python raises TypeError."""
    if isinstance(left, str | list | tuple) and isinstance(right, str | list | tuple):
        check_length(len(left) + len(right))
    try:
        return _checked(left + right)
    except TypeError as error:
        raise TemplateError(f"the template adds what has no sum: {error}") from error


def subtract(left: Any, right: Any) -> Any:
    """`left - right`. Raises TemplateError if one is not a number."""
    return _checked(_number(left) - _number(right))


def multiply(left: Any, right: Any) -> Any:
    """`left * right`. Raises TemplateError if one is not a number."""
    return _checked(_number(left) * _number(right))


def divide(left: Any, right: Any) -> float:
    """`left / right`. Raises TemplateError if one is not a number, or the second is 0."""
    return float(_number(left) / _divisor(right))


def floor_divide(left: Any, right: Any) -> Any:
    """`left // right`. Raises TemplateError if one is not a number, or the second is 0."""
    return _number(left) // _divisor(right)


def modulo(left: Any, right: Any) -> Any:
    """`left % right`. Raises TemplateError if one is not a number, or the second is 0."""
    return _number(left) % _divisor(right)


def strftime_now(layout: str) -> str:
    """The local time in the given layout."""
    return datetime.now().strftime(layout)


def _checked(value: Any) -> Any:
    """The value, unless it is a number of a thousand digits."""
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise TemplateError("the template calculates a number that is too large")
    return value


def _number(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    raise _wrong("calculates with", value)


def _divisor(value: Any) -> Any:
    if value == 0:
        raise TemplateError("the template divides by zero")
    return _number(value)


def _wrong(verb: str, value: Any) -> TemplateError:
    kind = "an undefined value" if isinstance(value, Undefined) else f"a {type(value).__name__}"
    return TemplateError(f"the template {verb} {kind}")
