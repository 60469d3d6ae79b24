"""Colour and links for diagnostics on a terminal, by rich; the text is the same without."""

import re
from pathlib import Path

from rich.console import Console
from rich.style import Style
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

_PLACE = re.compile(r"(?m)^ *(?:-->|:::) (?P<place>(?P<file>.+):\d+:\d+)$")


def print_coloured(text: str) -> None:
    """Prints rendered diagnostics to the standard error output."""
    coloured = Text(text)
    for pattern, style in STYLES:
        coloured.highlight_regex(pattern, style)
    for match in _PLACE.finditer(text):
        link = Style(link=Path(match["file"]).absolute().as_uri())
        coloured.stylize(link, *match.span("place"))
    Console(stderr=True, soft_wrap=True).print(coloured, end="")
