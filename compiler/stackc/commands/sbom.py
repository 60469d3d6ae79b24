"""`stackc sbom`: the bill of materials of a stack, as CycloneDX."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("sbom", help="print the bill of materials, as CycloneDX 1.6")
    arguments.distribution(parser)
    arguments.output(parser)
    return parser


def run(options: Namespace) -> int:
    """Prints the document, or writes it into a file."""
    from stackc.artifacts import runtime_of
    from stackc.catalog import Catalog
    from stackc.commands.output import emit_json
    from stackc.pipeline import emitted, planned_stack
    from stackc.supply.sbom import sbom

    stack, plan = planned_stack(options.distribution, Catalog())
    modules = runtime_of(stack, plan, emitted(plan, options.distribution))
    emit_json(sbom(plan, modules), options.output, plan.place)
    return FINE
