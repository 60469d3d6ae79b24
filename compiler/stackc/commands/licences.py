"""`stackc licences`: what each package and model of a stack is under."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from pathlib import Path

from stackc.commands.arguments import FINE, INPUT_AT_FAULT

FORMATS = ("human", "json")


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("licences", help="list the licences of packages and models")
    parser.add_argument("distribution", type=Path, metavar="DISTRIBUTION", help="a YAML file")
    parser.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help=f"(default: {FORMATS[0]})"
    )
    parser.add_argument(
        "--deny",
        nargs="+",
        action="extend",
        default=[],
        metavar="SPDX",
        help="exit with 1 where something needs this licence (`unknown`: where none is told)",
    )
    return parser


def run(options: Namespace) -> int:
    """Prints the report; 1 where something is denied."""
    import json

    from stackc.catalog import Catalog
    from stackc.commands.output import misuse
    from stackc.pipeline import plan_of
    from stackc.supply.report import as_json, licensed_parts, text

    denied, misspelt = _denied(options.deny)
    if misspelt:
        return misuse(f"SPDX has no licence `{misspelt[0]}` (https://spdx.org/licenses)")
    parts = licensed_parts(plan_of(options.distribution, Catalog()))
    if options.format == "json":
        print(json.dumps(as_json(parts, denied), indent=2, ensure_ascii=False))
    else:
        print(text(parts, denied), end="")
    return INPUT_AT_FAULT if any(part.is_denied(denied) for part in parts) else FINE


def _denied(words: Sequence[str]) -> tuple[frozenset[str], list[str]]:
    """The licences as SPDX spells them, and the words that are none."""
    from stackc.supply.licences import expression
    from stackc.supply.report import UNKNOWN

    found = {word: UNKNOWN if word == UNKNOWN else expression(word) for word in words}
    misspelt = [word for word, licence in found.items() if licence is None]
    return frozenset(filter(None, found.values())), misspelt
