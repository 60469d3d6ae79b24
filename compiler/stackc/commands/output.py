"""What commands print: diagnostics in the form that was asked for, hints where a word is wrong."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from stackc.commands.arguments import USAGE
from stackc.diagnostics.report import Diagnostic
from stackc.diagnostics.suggest import nearest
from stackc.source import Span


def show(diagnostics: Sequence[Diagnostic], form: str) -> None:
    """Prints diagnostics: for programs to the standard output, for people to the other one."""
    from stackc.diagnostics.render import MACHINE, render

    text = render(diagnostics, form)
    if form == "human" and _is_coloured():
        from stackc.diagnostics.colour import print_coloured

        print_coloured(text)
    else:
        print(text, end="", file=sys.stdout if form in MACHINE else sys.stderr)


def _is_coloured() -> bool:
    """On a terminal, or by https://force-color.org, unless https://no-color.org forbids it."""
    asked = sys.stderr.isatty() or bool(os.environ.get("FORCE_COLOR"))
    return asked and not os.environ.get("NO_COLOR")


def unknown(what: str, word: str, known: Iterable[str]) -> int:
    """Says that there is no such thing, and what may have been meant; the exit code of misuse."""
    near = nearest(word, known)
    hint = f"; did you mean `{near}`?" if near else ""
    return misuse(f"there is no {what} `{word}`{hint}")


def misuse(message: str) -> int:
    """Says what is wrong with the command line; the exit code of misuse."""
    print(f"stackc: {message}", file=sys.stderr)
    return USAGE


def emit_json(document: object, output: Path | None, place: Span) -> None:
    """Prints a document as JSON, or writes it into a file; `place` is told where it cannot."""
    from stackc.faults import write_faults
    from stackc.literals import json_text

    text = json_text(document)
    if output is None:
        print(text, end="")
        return
    with write_faults(place):
        output.write_text(text, encoding="utf-8")
