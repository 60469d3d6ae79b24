"""Templates of text: nothing is escaped, nothing that is missing passes, and blocks leave no lines."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@dataclass(frozen=True)
class Delimiters:
    """What stands around values, blocks and comments: an opening and a closing for each."""

    value: tuple[str, str]
    block: tuple[str, str]
    comment: tuple[str, str]


BRACES = Delimiters(("{{", "}}"), ("{%", "%}"), ("{#", "#}"))

ANGLES = Delimiters(("<<", ">>"), ("<%", "%>"), ("<#", "#>"))
"""For templates of text with braces of its own."""


def environment(folder: Path, delimiters: Delimiters = BRACES) -> Environment:
    """The templates of a folder."""
    return Environment(
        block_start_string=delimiters.block[0],
        block_end_string=delimiters.block[1],
        variable_start_string=delimiters.value[0],
        variable_end_string=delimiters.value[1],
        comment_start_string=delimiters.comment[0],
        comment_end_string=delimiters.comment[1],
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
