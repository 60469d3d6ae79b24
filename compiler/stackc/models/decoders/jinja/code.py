"""Pieces of Python: expressions that know what they yield, and statements laid out in lines."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal

WIDTH: Final = 320
"""Columns of a line of generated code."""

_LONGEST_TEXT: Final = 100

Kind = Literal[
    "any",
    "bool",
    "dict",
    "float",
    "generator",
    "int",
    "list",
    "loop",
    "macro",
    "namespace",
    "none",
    "str",
    "undefined",
]
"""What an expression is known to yield."""


class Level(IntEnum):
    """How tightly Python's operators bind, loosest first."""

    CONDITIONAL = 0
    OR = 1
    AND = 2
    NOT = 3
    COMPARISON = 4
    SUM = 5
    PRODUCT = 6
    SIGN = 7
    ATOM = 8


class _NoValue:
    """Marks an expression whose value is not known before it runs."""


UNKNOWN: Final = _NoValue()


@dataclass(frozen=True)
class Code:
    """A Python expression.

    ``value`` is set for constants, ``certain`` where it is known to be true or false. ``opposite``
    is a text that means ``not (...)`` where Python has one of its own, such as ``is not``.
    ``operands`` are the parts of an ``and`` or ``or``, ``summands`` those of a sum of strings;
    ``instance`` is the value and the type of an ``isinstance``; ``parameters`` are a macro's, by
    their names in the template and in Python; ``present`` says that the value is not undefined.
    """

    text: str
    kind: Kind = "any"
    level: Level = Level.ATOM
    value: Any = UNKNOWN
    opposite: str = ""
    operands: tuple[str, ...] = ()
    certain: bool | None = None
    present: bool = False
    summands: tuple["Code", ...] = ()
    instance: tuple[str, str] | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    def at(self, level: Level) -> str:
        """The text as an operand of an operator that binds as tightly as ``level``."""
        return self.text if self.level >= level else f"({self.text})"


UNDEFINED: Final = Code("UNDEFINED", kind="undefined", certain=False)


def constant(value: Any) -> Code:
    """A string, number, bool or None."""
    kinds: dict[type, Kind] = {
        str: "str",
        bool: "bool",
        int: "int",
        float: "float",
        type(None): "none",
    }
    written = literal(value) if isinstance(value, str) else repr(value)
    level = Level.SIGN if written.startswith("-") else Level.ATOM
    return Code(written, kinds[type(value)], level, value, certain=bool(value))


def literal(text: str) -> str:
    """A string in the quotes that formatters choose: double unless single ones save escapes.

    Letters stay; other characters beyond ASCII, which may look like those in it, are escaped.
    """
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _escaped(character: str, quote: str) -> str:
    code = ord(character)
    if character == quote or character == "\\":
        return f"\\{character}"
    if character in "\n\r\t":
        return json.dumps(character)[1:-1]
    if " " <= character <= "~" or (character.isalnum() and character.isprintable()):
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@dataclass(frozen=True)
class Assignment:
    """``variable = code``; the first one in a function declares the variable."""

    variable: str
    code: Code
    declares: bool

    def __str__(self) -> str:
        annotation = ": Any" if self.declares else ""
        return f"{self.variable}{annotation} = {self.code.text}"


@dataclass(frozen=True)
class Suite:
    """A statement with a body."""

    keyword: str
    condition: Code | None
    body: Sequence["Line"]


Line = str | Assignment | Suite


def render(lines: Iterable[Line], depth: int = 0) -> list[str]:
    """The lines of a block, indented."""
    indent = "    " * depth
    rendered: list[str] = []
    for line in lines:
        if isinstance(line, Suite):
            rendered += [indent + head for head in _head(line, WIDTH - len(indent))]
            rendered += render(line.body, depth + 1)
        else:
            rendered.append(f"{indent}{line}" if line else "")
    return rendered


def _head(suite: Suite, room: int) -> list[str]:
    """The line before the body; a long chain of conditions stands on lines of its own."""
    if suite.condition is None:
        return [f"{suite.keyword}:"]
    head = f"{suite.keyword} {suite.condition.text}:"
    operands = suite.condition.operands
    if len(head) <= room or not operands:
        return [head]
    operator = "or" if suite.condition.level == Level.OR else "and"
    chain = [f"    {operands[0]}", *(f"    {operator} {operand}" for operand in operands[1:])]
    return [f"{suite.keyword} (", *chain, "):"]


def pieces(text: str) -> list[str]:
    """A long text cut after its line ends, and after words where a line is too long."""
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        if found and len(found[-1]) + len(line) <= _LONGEST_TEXT:
            found[-1] += line
        else:
            found += _words(line)
    return found


def _words(line: str) -> list[str]:
    found = []
    while len(line) > _LONGEST_TEXT:
        cut = line.rfind(" ", 0, _LONGEST_TEXT) + 1 or _LONGEST_TEXT
        found.append(line[:cut])
        line = line[cut:]
    return [*found, line]
