"""`stackc provenance`: how a stack's files came about, as an in-toto statement of SLSA."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser(
        "provenance", help="print what the files of a stack are made from, as SLSA provenance"
    )
    arguments.distribution(parser)
    arguments.output(parser)
    return parser


def run(options: Namespace) -> int:
    """Prints the statement, or writes it into a file."""
    from stackc.catalog import Catalog
    from stackc.commands.output import emit_json
    from stackc.pipeline import emitted, planned_stack
    from stackc.supply.provenance import provenance

    distribution = options.distribution
    stack, plan = planned_stack(distribution, Catalog())
    statement = provenance(stack, plan, emitted(plan, distribution), distribution)
    emit_json(statement, options.output, plan.place)
    return FINE
