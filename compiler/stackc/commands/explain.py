"""`stackc explain`: the page of a diagnostic's code, or what codes there are."""

from argparse import ArgumentParser, Namespace, _SubParsersAction

from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("explain", help="explain a code, or list all")
    parser.add_argument("code", nargs="?", metavar="CODE", help="what stands in `error[...]`")
    return parser


def run(options: Namespace) -> int:
    """Prints the page, or a line for each code."""
    from stackc.commands.output import unknown
    from stackc.diagnostics import pages

    codes = pages.codes()
    if options.code is None:
        width = max(map(len, codes))
        print(*(f"{code:<{width}} {pages.summary(code)}" for code in codes), sep="\n")
    elif options.code not in codes:
        return unknown("error", options.code, codes)
    else:
        print(pages.page(options.code), end="")
    return FINE
