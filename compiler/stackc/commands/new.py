"""`stackc new`: the first files of a provider, an API or a target, in a checkout."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stackc.commands.arguments import FINE

if TYPE_CHECKING:
    from stackc.scaffold.checkout import Checkout


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("new", help="start a provider, an API or a target, in a checkout")
    kinds = parser.add_subparsers(required=True, metavar="KIND")
    provider = kinds.add_parser("provider", help="start a provider: class, entry, test")
    provider.add_argument("api", metavar="API", help="the API that it serves")
    provider.add_argument("type", metavar="TYPE", help="its type, such as remote::acme")
    provider.set_defaults(make=_provider)
    api = kinds.add_parser("api", help="start an API: entry, schemas, endpoint class, test")
    api.add_argument("name", metavar="NAME", help="the name of the API")
    api.set_defaults(make=_api)
    target = kinds.add_parser("target", help="start a target: a folder of templates")
    target.add_argument("name", metavar="NAME", help="the name of the target")
    target.set_defaults(make=_target)
    return parser


def run(options: Namespace) -> int:
    """Writes the files, and says what is to be done next."""
    from stackc.commands.output import misuse
    from stackc.scaffold.checkout import ScaffoldError, checkout_above

    make: Callable[[Checkout, Namespace], tuple[list[str], str]] = options.make
    try:
        checkout = checkout_above(Path.cwd())
        paths, after = make(checkout, options)
    except ScaffoldError as error:
        return misuse(str(error))
    print(*(f"wrote {path}" for path in paths), sep="\n")
    print(f"next: {after}, then `stackc docs` and `pytest tests/test_catalog.py`")
    return FINE


def _provider(checkout: "Checkout", options: Namespace) -> tuple[list[str], str]:
    from stackc.scaffold.provider import add_provider

    return add_provider(checkout, options.api, options.type), "write what the class can do"


def _api(checkout: "Checkout", options: Namespace) -> tuple[list[str], str]:
    from stackc.scaffold.api import add_api

    return add_api(checkout, options.name), "write its routes"


def _target(checkout: "Checkout", options: Namespace) -> tuple[list[str], str]:
    from stackc.scaffold.target import add_target

    paths = add_target(checkout, options.name)
    return paths, f"write templates/{options.name}, `stackc build --target {options.name}`"
