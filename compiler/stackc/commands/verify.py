"""`stackc verify`: whether a folder is what a distribution makes."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands import arguments
from stackc.commands.arguments import FINE, INPUT_AT_FAULT


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("verify", help="say whether a folder is what a distribution makes")
    parser.add_argument("folder", type=Path, metavar="DIR", help="a folder that was built")
    arguments.distribution(parser)
    return parser


def run(options: Namespace) -> int:
    """Builds elsewhere, compares every file, says each difference."""
    from stackc.catalog import Catalog
    from stackc.commands.output import misuse
    from stackc.supply.verify import faults, wanted

    if not options.folder.is_dir():
        return misuse(f"there is no folder `{options.folder}`")
    made, lock = wanted(options.distribution, Catalog())
    lines = faults(options.folder, made, lock)
    if lines:
        print(*lines, sep="\n", file=sys.stderr)
        return INPUT_AT_FAULT
    print(f"{options.folder} is what {options.distribution} makes ({len(made)} files)")
    return FINE
