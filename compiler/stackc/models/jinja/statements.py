"""Jinja's statements as the body of a Python function that appends to a list of strings."""

from collections.abc import Sequence
from typing import Final

from jinja2 import nodes

from stackc.models.jinja.code import (
    UNDEFINED,
    WIDTH,
    Code,
    Line,
    Suite,
    constant,
    literal,
    pieces,
)
from stackc.models.jinja.expressions import Expressions, unsupported
from stackc.models.jinja.operands import disjunction, iterable, negated, printed
from stackc.models.jinja.scopes import Names, Scope
from stackc.models.jinja.selections import ENTRY
from stackc.models.jinja.variables import Statements, assigned, first_use, is_read, names

_OUT: Final = "out"


class Body:
    """Translates the statements of one scope; ``out`` is the list that takes what they print."""

    def __init__(self, scope: Scope, names: Names, declared: set[str], out: str = _OUT) -> None:
        self._scope = scope
        self._names = names
        self._declared = declared
        self._out = out
        self._expression = Expressions(scope)

    def lines(self, statements: Statements) -> list[Line]:
        """The scope's variables, and then its statements, as Python.

        Raises:
            UnsupportedTemplateError: something has no translation.
        """
        return [*self._variables(statements), *self._block(statements)]

    def _variables(self, statements: Statements) -> list[Line]:
        """Binds what the scope assigns; what may be read before gets the outer value first."""
        lines: list[Line] = []
        found = assigned(statements)
        for name in dict.fromkeys(found):
            outer = self._scope.find(name)
            if not is_read(statements, name):
                self._scope.drop(name)
                continue
            variable = self._scope.bind(name)
            if first_use(statements, name) == "read":
                lines.append(self._assignment(variable, outer))
        return lines

    def _block(self, statements: Statements) -> list[Line]:
        return [line for node in statements for line in self._statement(node)]
