"""`stackc list-deps`: what the stack installs, as a requirements file without hashes."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("list-deps", help="list the packages of a distribution's lock")
    arguments.distribution(parser)
    return parser


def run(options: Namespace) -> int:
    """Prints a line for each package."""
    from stackc.catalog import Catalog
    from stackc.pipeline import plan_of

    for package in plan_of(options.distribution, Catalog()).lock.packages:
        print(package.requirement)
    return FINE
