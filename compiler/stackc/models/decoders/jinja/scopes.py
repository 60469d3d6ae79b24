"""Jinja's scopes in terms of Python's single one."""

import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Final

from stackc.models.decoders.jinja.code import UNDEFINED, Code, Kind

# Builtins and imports of generated code, and names that linters take for digits.
_RESERVED: Final = (
    *("Any", "Mapping", "Sequence", "bool", "float", "int", "isinstance", "len", "list", "range"),
    *("str", "l", "_"),
)


class Scope:
    """The variables of the template, of a loop's body, of a macro or of another block.

    What a block assigns is gone after it. A variable is a Python name or, where it is known while
    translating, another expression.
    """

    def __init__(self, names: "Names", parent: "Scope | None", known: Mapping[str, Code]) -> None:
        self._names = names
        self._parent = parent
        self._known = dict(known)

    def find(self, name: str) -> Code:
        """What a name stands for; an unknown one is undefined."""
        return self._find(name) or UNDEFINED

    def bind(self, name: str, kind: Kind = "any", role: str = "") -> str:
        """Makes a variable of this scope, with a Python name that hides no outer variable.

        Variables of different roles have different names, because Python gives a name one type.
        """
        python = self._names.python(name, self._depth(name), role)
        self._known[name] = Code(python, kind)
        return python

    def define(self, name: str, code: Code) -> None:
        """Makes a variable that stands for an expression."""
        self._known[name] = code

    def owns(self, name: str) -> bool:
        """Whether the name is a variable of this scope itself."""
        return name in self._known

    def inner(self) -> "Scope":
        """A scope inside this one."""
        return Scope(self._names, self, {})

    def _find(self, name: str) -> Code | None:
        if name in self._known:
            return self._known[name]
        return self._parent._find(name) if self._parent else None

    def _depth(self, name: str) -> int:
        """How many outer scopes have such a variable."""
        if self._parent is None:
            return 0
        return self._parent._depth(name) + (name in self._parent._known)


class Names:
    """Gives out Python names that meet neither each other nor what generated code uses."""

    def __init__(self, reserved: Iterable[str]) -> None:
        self._taken = {*reserved, *keyword.kwlist, *_RESERVED}
        self._given: dict[tuple[str, int, str], str] = {}

    def python(self, name: str, depth: int = 0, role: str = "") -> str:
        """The name for a variable; ``depth`` counts the outer ones that have the same name."""
        key = (name, depth, role)
        if key not in self._given:
            plain = re.sub(r"\W", "_", name, flags=re.ASCII).lower()
            self._given[key] = self.new(plain if depth == 0 else f"{plain}_{depth + 1}")
        return self._given[key]

    def new(self, name: str) -> str:
        """The name itself or, if it is taken, with underscores behind."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name
