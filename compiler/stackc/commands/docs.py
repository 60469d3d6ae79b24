"""`stackc docs`: writes the documentation that follows from the catalog and the command line."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands.arguments import FINE, INPUT_AT_FAULT


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("docs", help="write the documentation of the catalog")
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path("docs"),
        metavar="FOLDER",
        help="the folder to write into (default: docs)",
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if a page is not current"
    )
    return parser


def run(options: Namespace) -> int:
    """Writes the pages, or says which of them are not current."""
    from stackc.catalog import Catalog
    from stackc.cli import parser
    from stackc.documentation.folder import differences, write
    from stackc.documentation.pages import pages

    made = pages(Catalog(), parser())
    if options.check:
        lines = differences(options.folder, made)
        print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr)
        return INPUT_AT_FAULT if lines else FINE
    write(options.folder, made)
    print(f"wrote {len(made)} pages into {options.folder}")
    return FINE
