"""Diagnostics as workflow commands of GitHub Actions, which show them beside the lines of a change.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
"""

from collections.abc import Sequence

from stackc.diagnostics.report import Diagnostic, Severity
from stackc.diagnostics.text import relative, told
from stackc.source import Span

COMMANDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def as_github(diagnostics: Sequence[Diagnostic]) -> str:
    """A command for each diagnostic, each on a line."""
    return "".join(map(_command, diagnostics))


def _command(diagnostic: Diagnostic) -> str:
    properties = {**_place(diagnostic.primary.span), "title": diagnostic.code}
    given = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{COMMANDS[diagnostic.severity]} {given}::{_data(told(diagnostic))}\n"


def _place(span: Span) -> dict[str, str | int]:
    """The place; GitHub rejects columns where a place has several lines."""
    file = relative(span.source.path).as_posix()
    place: dict[str, str | int] = {"file": file, "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:
        place |= {"col": span.column, "endColumn": span.end_column}
    return place


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
