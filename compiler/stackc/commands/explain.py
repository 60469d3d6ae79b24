"""`stackc explain`: the page of a diagnostic's code."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("explain", help="explain the code of an error")
    parser.add_argument("code", metavar="CODE", help="what stands in `error[...]`")
    return parser


def run(options: Namespace) -> int:
    """Prints the page."""
    from stackc import resources
    from stackc.commands.output import unknown

    pages = {path.stem: path for path in resources.folder("errors").glob("*.md")}
    if options.code not in pages:
        return unknown("error", options.code, pages)
    print(pages[options.code].read_text(encoding="utf-8"), end="")
    return FINE
