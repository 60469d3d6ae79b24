"""Arguments that several commands take."""

from argparse import ArgumentParser
from pathlib import Path

FINE, INPUT_AT_FAULT, USAGE = 0, 1, 2
"""Exit codes."""


def distribution(parser: ArgumentParser, shown: str = "how errors are shown") -> None:
    """The distribution that a command reads, and how its diagnostics are shown."""
    from stackc.diagnostics.render import FORMATS

    parser.add_argument("distribution", type=Path, metavar="DISTRIBUTION", help="a YAML file")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help=f"{shown} (default: {FORMATS[0]})",
    )


def output(parser: ArgumentParser) -> None:
    """The file that a command writes its document into."""
    parser.add_argument("--output", type=Path, metavar="FILE", help="write into FILE")
