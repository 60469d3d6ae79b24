"""What one rendering of a chat template may take, whoever wrote the template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final, ParamSpec

# What one rendering may take: rounds of all its loops together (Jinja's sandbox has the same limit
# for one range), characters or entries of one value that is put together, digits of one number.
MAX_ROUNDS: Final = 100_000
MAX_LENGTH: Final = 10_000_000

_P = ParamSpec("_P")


class TemplateError(Exception):
    """A conversation that the chat template refuses, or has no form for."""


class Budget:
    """The rounds of loops that are left to one rendering."""

    __slots__ = ("rounds",)

    def __init__(self) -> None:
        self.rounds = MAX_ROUNDS

    def take(self, rounds: int = 1) -> None:
        """Raises TemplateError if there are not so many."""
        self.rounds -= rounds
        if self.rounds < 0:
            raise TemplateError(f"the template loops more than {MAX_ROUNDS} times")


_budget: ContextVar[Budget | None] = ContextVar("budget", default=None)


def bounded(render: Callable[_P, str]) -> Callable[_P, str]:
    """A translated template whose loops share one budget, and which fails with TemplateError only."""

    @wraps(render)
    def rendered(*arguments: _P.args, **options: _P.kwargs) -> str:
        token = _budget.set(Budget())
        try:
            return render(*arguments, **options)
        except (MemoryError, OverflowError, RecursionError) as error:
            raise TemplateError(f"the template takes too much: {type(error).__name__}") from error
        finally:
            _budget.reset(token)

    return rendered


def budget() -> Budget:
    """That of the rendering; what is rendered without one has a budget for each loop."""
    return _budget.get() or Budget()


def check_length(length: int) -> None:
    """Raises TemplateError for a text or a list longer than one may be."""
    if length > MAX_LENGTH:
        raise TemplateError(f"the template makes something longer than {MAX_LENGTH} characters")


def check_entries(value: Any) -> None:
    """Raises TemplateError if lists and mappings have too many entries, all levels together.

    A list that is twice in a list that is twice in a list is small in memory, and endless in print.
    """
    left, entries = MAX_ROUNDS, [value]
    while entries:
        one = entries.pop()
        if isinstance(one, Mapping):
            entries.extend(one.values())
        elif isinstance(one, list | tuple):
            entries.extend(one)
        left -= 1
        if left < len(entries):
            raise TemplateError(f"the template prints more than {MAX_ROUNDS} entries")
