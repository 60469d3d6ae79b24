"""`stackc check`: finds every fault of a distribution; writes nothing but the fixes asked for."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from stackc.commands import arguments
from stackc.commands.arguments import FINE

if TYPE_CHECKING:
    from stackc.catalog import Catalog


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("check", help="find every fault, write nothing")
    arguments.distribution(parser)
    parser.add_argument(
        "--fix", action="store_true", help="first mend what can only be mended in one way"
    )
    return parser


def run(options: Namespace) -> int:
    """Compiles as far as the plan, and says what the stack will take."""
    from stackc.catalog import Catalog
    from stackc.commands.output import show
    from stackc.diagnostics.render import MACHINE
    from stackc.pipeline import checked

    catalog = Catalog()
    if options.fix:
        _fix(options.distribution, catalog)
    plan = checked(options.distribution, catalog)
    show(plan.warnings, options.format)
    if options.format in MACHINE:
        return FINE
    counted = {"route": plan.routes, "provider": plan.providers, "package": plan.lock.packages}
    counts = (f"{len(found)} {noun}{'s' * (len(found) != 1)}" for noun, found in counted.items())
    print(f"{options.distribution}: fine ({', '.join(counts)})")
    print(*plan.summary, sep="\n")
    return FINE


def _fix(distribution: Path, catalog: "Catalog") -> None:
    """Mends the file, and says what of it."""
    from stackc.fixes import fix, told

    for fixed in fix(distribution, catalog):
        print(told(fixed), file=sys.stderr)
