"""`stackc list-providers`: the types of one API or of all, with their configuration keys."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("list-providers", help="list the provider types")
    parser.add_argument("api", nargs="?", metavar="API", help="only the types of this API")
    return parser


def run(options: Namespace) -> int:
    """Prints two lines for each type; what is planned is read and checked, and cannot be built."""
    from stackc.catalog import Catalog
    from stackc.commands.output import unknown

    catalog = Catalog()
    if options.api and options.api not in catalog.api_names:
        return unknown("API", options.api, catalog.api_names)
    for api in [options.api] if options.api else catalog.api_names:
        for type_ in catalog.provider_types(api):
            provider = catalog.provider(api, type_)
            assert provider is not None
            keys = ", ".join(provider.config.get("properties", {}))
            status = "planned" if provider.planned else ""
            print(f"{api:<16} {type_:<34} {status:<8} {provider.summary}")
            print(f"{'':<60} config: {keys or 'none'}")
    return FINE
