"""A diagnostic as plain text: what the machine formats without structure of their own hold."""

from pathlib import Path

from stackc.diagnostics.report import Diagnostic


def told(diagnostic: Diagnostic) -> str:
    """All that a diagnostic says, a line each; not its code, place or source."""
    lines = [diagnostic.message, diagnostic.primary.text]
    lines += [f"note: {note}" for note in diagnostic.notes]
    lines += [f"help: {diagnostic.help}"] if diagnostic.help else []
    return "\n".join(printable(line) for line in lines if line)


def printable(line: str) -> str:
    """A text on one line, without what moves the cursor: a tab is a space, a control is a dot."""
    return "".join(" " if c == "\t" else c if c.isprintable() else "·" for c in line)


def relative(path: Path) -> Path:
    """A path as seen from the folder that the command runs in, where it is under it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
