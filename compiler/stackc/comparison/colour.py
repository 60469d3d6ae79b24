"""Colour for a comparison on a terminal, by rich; the text is the same without."""

from rich.console import Console
from rich.text import Text

STYLES = (
    (r"(?m)^\S.*$", "bold"),
    (r"(?m)^ +\+ .*$", "green"),
    (r"(?m)^ +- .*$", "red"),
    (r"(?m)^ +~ .*$", "yellow"),
    (r"(?m)^ +! .*$", "bold red"),
)


def print_coloured(text: str) -> None:
    """Prints a comparison to the standard output."""
    coloured = Text(text)
    for pattern, style in STYLES:
        coloured.highlight_regex(pattern, style)
    Console(soft_wrap=True).print(coloured, end="")
