"""Colour for diagnostics on a terminal, by rich; the text is the same without."""

from rich.console import Console
from rich.text import Text

STYLES = (
    (r"(?m)^error\[[a-z-]+\]", "bold red"),
    (r"(?m)^warning\[[a-z-]+\]", "bold yellow"),
    (r"(?m)^note\[[a-z-]+\]", "bold cyan"),
    (r"(?m)^ *\d* \|", "blue"),
    (r"(?m)^ *(-->|:::)", "blue"),
    (r"(?m)^[ ]*\|[ ]*\^+.*$", "bold red"),
    (r"(?m)^ *= note:", "bold"),
    (r"(?m)^ *= help:", "bold green"),
)


def print_coloured(text: str) -> None:
    """Prints rendered diagnostics to the standard error output."""
    coloured = Text(text)
    for pattern, style in STYLES:
        coloured.highlight_regex(pattern, style)
    Console(stderr=True, soft_wrap=True).print(coloured, end="")
