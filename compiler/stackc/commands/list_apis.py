"""`stackc list-apis`: every API of the catalog."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    return commands.add_parser("list-apis", help="list the APIs that a stack can serve")


def run(options: Namespace) -> int:
    """Prints a line for each API."""
    from stackc.catalog import Catalog

    catalog = Catalog()
    for name in catalog.api_names:
        api = catalog.api(name)
        print(f"{name:<24} {'planned' if api.planned else '':<8} {api.summary}")
    return FINE
