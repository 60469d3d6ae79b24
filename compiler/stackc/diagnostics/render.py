"""Showing diagnostics: for people with carets, one line each, or in a format for programs."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import partial

from stackc.diagnostics.github import as_github
from stackc.diagnostics.json import as_json
from stackc.diagnostics.report import Diagnostic, Label, Severity
from stackc.diagnostics.sarif import as_sarif
from stackc.diagnostics.secrets import masked
from stackc.diagnostics.text import printable
from stackc.source import Source, Span

LONG_LINE = 2_000

MACHINE = {"json": as_json, "sarif": as_sarif, "github": as_github}
"""Formats for programs: the standard output holds nothing else then."""

FORMATS = ("human", "concise", *MACHINE)


def render(diagnostics: Sequence[Diagnostic], form: str) -> str:
    """The text of all diagnostics in one of the FORMATS, with a final newline."""
    if form in MACHINE:
        return MACHINE[form](diagnostics)
    if form == "concise":
        return "".join(concise(each) + "\n" for each in diagnostics)
    if not diagnostics:
        return ""
    return "\n".join([*map(human, diagnostics), f"{_counted(diagnostics)}\n"])


def _counted(diagnostics: Sequence[Diagnostic]) -> str:
    """How many there are of each severity: `2 errors, 1 warning`."""
    counts = Counter(each.severity for each in diagnostics)
    severities: tuple[Severity, ...] = ("error", "warning", "note")
    told = (
        f"{counts[each]} {each}{'s' * (counts[each] > 1)}" for each in severities if counts[each]
    )
    return ", ".join(told)


def human(diagnostic: Diagnostic) -> str:
    """One diagnostic with its lines of source, the place marked by `^` and others by `-`."""
    span = diagnostic.primary.span
    labels = sorted((diagnostic.primary, *diagnostic.secondary), key=partial(_place, span.source))
    margin = " " * len(str(max(label.span.line for label in labels)))
    lines = [
        f"{diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}",
        f"{margin}--> {_name(span.source)}:{span.line}:{span.column}",
    ]
    if span.source.text and not any(map(_on_a_long_line, labels)):
        lines += _excerpt(diagnostic, labels, margin)
    lines += [f"{margin} = note: {printable(note)}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"{margin} = help: {printable(diagnostic.help)}")
    return "\n".join(lines) + "\n"


def _on_a_long_line(label: Label) -> bool:
    """Whether a label stands on a line that no screen shows, such as all of a file without breaks."""
    lines, line = label.span.source.lines, label.span.line
    return line <= len(lines) and len(lines[line - 1]) > LONG_LINE


def _place(first: Source, label: Label) -> tuple[bool, Span]:
    """Where a label stands in the excerpt: those of the primary's file come first."""
    return label.span.source != first, label.span


def _excerpt(diagnostic: Diagnostic, labels: Sequence[Label], margin: str) -> list[str]:
    lines = [f"{margin} |"]
    source, previous = diagnostic.primary.span.source, None
    for label in labels:
        line = label.span.line
        if label.span.source != source:
            source, previous = label.span.source, None
            lines.append(f"{margin} ::: {_name(source)}:{line}:{label.span.column}")
        if previous is not None and line > previous + 1:
            lines.append("...")
        if line != previous:
            text = _source_line(label.span)
            if diagnostic.secret:
                text = _without(diagnostic.secret, line, text)
            lines.append(f"{line:>{len(margin)}} | {text}".rstrip())
        mark = "^" if label is diagnostic.primary else "-"
        told = printable(label.text)
        lines.append(f"{margin} | {_marks(label.span, mark)} {told}".rstrip())
        previous = line
    return [*lines, f"{margin} |"]


def _source_line(span: Span) -> str:
    lines = span.source.lines
    return printable(masked(lines[span.line - 1])) if span.line <= len(lines) else ""


def _without(secret: Span, line: int, text: str) -> str:
    """A line of which the part that belongs to a secret is hidden."""
    if not secret.line <= line <= secret.end_line:
        return text
    start = secret.column - 1 if line == secret.line else 0
    end = secret.end_column - 1 if line == secret.end_line else len(text)
    return text[:start] + "*" * (end - start) + text[end:]


def _marks(span: Span, mark: str) -> str:
    line = _source_line(span)
    end = span.end_column if span.end_line == span.line else len(line) + 1
    width = _columns(line[span.column - 1 : end - 1])
    return " " * _columns(line[: span.column - 1]) + mark * max(1, width)


def _columns(text: str) -> int:
    """How many columns a text takes: two for a wide character, none for a combining one."""
    return sum(_WIDTHS.get(unicodedata.east_asian_width(c), 1) - _combines(c) for c in text)


_WIDTHS = {"W": 2, "F": 2}


def _combines(character: str) -> bool:
    return unicodedata.category(character) == "Mn"


def _name(source: Source) -> str:
    return printable(str(source.path))


def concise(diagnostic: Diagnostic, kind: str | None = None) -> str:
    """One diagnostic on a line; `kind` stands there for its severity."""
    span = diagnostic.primary.span
    place = f"{_name(span.source)}:{span.line}:{span.column}"
    told = f"{kind or diagnostic.severity}[{diagnostic.code}]: {printable(diagnostic.message)}"
    return f"{place}: {told}"
