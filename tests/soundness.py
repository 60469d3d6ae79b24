"""What is true of every text that is compiled, whatever it holds."""

from pathlib import Path

from stackc.catalog import Catalog
from stackc.check import check
from stackc.diagnostics.render import FORMATS, render
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.load import read
from stackc.resolve import resolve
from stackc.source import Span
from stackc.spellings.modern import modern
from stackc.stack import Stack

CATALOG = Catalog()


def compiled(text: str, path: Path = Path("distribution.yaml")) -> Stack | CompileError:
    """The stack of a text, or what is wrong with it; both can be told in every form."""
    try:
        document = modern(read(path, text), CATALOG).document
        stack = resolve(check(document, CATALOG), CATALOG)
        told(stack.warnings)
        return stack
    except CompileError as error:
        assert any(each.severity == "error" for each in error.diagnostics)
        told(error.diagnostics)
        return error


def told(diagnostics: tuple[Diagnostic, ...]) -> str:
    """The diagnostics in every form, after a look at their places."""
    for each in diagnostics:
        for label in (each.primary, *each.secondary):
            assert_inside(label.span)
        for edit in each.fix:
            assert_inside(edit.span)
    return "\n".join(render(diagnostics, form) for form in FORMATS)


def assert_inside(span: Span) -> None:
    """A span lies in its source; its end may stand just behind the last line."""
    lines = span.source.lines
    assert 1 <= span.line <= span.end_line <= len(lines), span
    assert 1 <= span.column <= len(lines[span.line - 1]) + 1, span
    assert (span.line, span.column) < (span.end_line, span.end_column), span
