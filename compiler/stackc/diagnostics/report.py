"""A diagnostic as data: what is wrong, where, under which rule, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from stackc.limits import MAX_FAULTS
from stackc.source import Span

Severity = Literal["error", "warning", "note"]
"""An error stops the build; a warning is a likely mistake; a note tells today's spelling."""


@dataclass(frozen=True)
class Label:
    """A place, and a few words that stand beside it."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Edit:
    """A stretch of a source, and the text that belongs there instead."""

    span: Span
    text: str


@dataclass(frozen=True)
class Diagnostic:
    """One fault. `message` stands alone; `help` is one action that can be typed.

    `secret`: the place of a text that is never to be shown. `fix`: the edits that do what `help`
    says, where there is exactly one safe way to mend the text.
    """

    code: str
    message: str
    primary: Label
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    secret: Span | None = None
    severity: Severity = "error"
    fix: tuple[Edit, ...] = ()


class CompileError(Exception):
    """The input is at fault: every diagnostic up to the stage that found out, in source order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = ordered(diagnostics)
        super().__init__("; ".join(each.message for each in self.diagnostics))


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each diagnostic once, file by file, in the order of the text."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=_order))


def _order(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    span = diagnostic.primary.span
    return str(span.source.path), span.line, span.column, diagnostic.code, diagnostic.message


def some(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """As many of one kind as are told at once; the rest is not even looked for, which the last says."""
    first = list(islice(found, MAX_FAULTS + 1))
    if len(first) <= MAX_FAULTS:
        return first
    *told, last = first[:MAX_FAULTS]
    note = f"only the first {MAX_FAULTS} of this kind are told; the rest is, once they are mended"
    return [*told, replace(last, notes=(*last.notes, note))]


def stop_at_errors(found: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Ends a stage: the diagnostics where all are warnings or notes, else raises CompileError."""
    found = ordered(found)
    if any(each.severity == "error" for each in found):
        raise CompileError(found)
    return found
