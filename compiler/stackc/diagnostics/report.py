"""A diagnostic as data: what is wrong, where, under which rule, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass

from stackc.source import Span


@dataclass(frozen=True)
class Label:
    """A place, and a few words that stand beside it."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One fault. `message` stands alone; `help` is one action that can be typed.

    `secret`: the place of a text that is never to be shown.
    """

    code: str
    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    secret: Span | None = None


class CompileError(Exception):
    """The input is at fault: every diagnostic of the stage that found out, in source order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        unique = dict.fromkeys(diagnostics)
        self.diagnostics = tuple(sorted(unique, key=_order))
        super().__init__("; ".join(each.message for each in self.diagnostics))


def _order(diagnostic: Diagnostic) -> tuple[int, int, str, str]:
    span = diagnostic.primary.span
    return span.line, span.column, diagnostic.code, diagnostic.message


def raise_any(diagnostics: list[Diagnostic]) -> None:
    """Ends a stage: raises CompileError if the stage found anything."""
    if diagnostics:
        raise CompileError(diagnostics)
