"""`stackc check`: finds every fault of a distribution, and writes nothing."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("check", help="find every fault, write nothing")
    arguments.distribution(parser)
    return parser


def run(options: Namespace) -> int:
    """Compiles as far as the plan, and says what the stack will take."""
    from stackc.catalog import Catalog
    from stackc.commands.output import show
    from stackc.pipeline import plan_of

    plan = plan_of(options.distribution, Catalog())
    show(plan.warnings, options.format)
    if options.format == "json":
        return FINE
    counted = {"route": plan.routes, "provider": plan.providers, "package": plan.lock.packages}
    counts = (f"{len(found)} {noun}{'s' * (len(found) != 1)}" for noun, found in counted.items())
    print(f"{options.distribution}: fine ({', '.join(counts)})")
    print(*plan.summary, sep="\n")
    return FINE
