"""What commands print: diagnostics in the form that was asked for, hints where a word is wrong."""

import sys
from collections.abc import Iterable, Sequence

from stackc.commands.arguments import USAGE
from stackc.diagnostics.report import Diagnostic
from stackc.diagnostics.suggest import nearest


def show(diagnostics: Sequence[Diagnostic], form: str) -> None:
    """Prints diagnostics: JSON to the standard output, for programs, the rest to the other one."""
    from stackc.diagnostics.render import render

    text = render(diagnostics, form)
    if form == "human" and sys.stderr.isatty():
        from stackc.diagnostics.colour import print_coloured

        print_coloured(text)
    else:
        print(text, end="", file=sys.stdout if form == "json" else sys.stderr)


def unknown(what: str, word: str, known: Iterable[str]) -> int:
    """Says that there is no such thing, and what may have been meant; the exit code of misuse."""
    near = nearest(word, known)
    hint = f"; did you mean `{near}`?" if near else ""
    return misuse(f"there is no {what} `{word}`{hint}")


def misuse(message: str) -> int:
    """Says what is wrong with the command line; the exit code of misuse."""
    print(f"stackc: {message}", file=sys.stderr)
    return USAGE
