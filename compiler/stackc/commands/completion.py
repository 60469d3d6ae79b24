"""`stackc completion`: a script that completes this command line in a shell."""

from argparse import Action, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator

from stackc.commands.arguments import FINE

SHELLS = ("bash", "zsh", "tcsh")


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("completion", help="print a script for completion in a shell")
    parser.add_argument("shell", choices=SHELLS, help="the shell that it is for")
    return parser


def run(options: Namespace) -> int:
    """Prints the script; what it completes is what there is now."""
    import shtab

    from stackc import cli

    parser = cli.parser()
    for action in _actions(parser):
        _complete(action)
    print(shtab.complete(parser, options.shell))
    return FINE


def _actions(parser: ArgumentParser) -> Iterator[Action]:
    """Every argument of a parser and of those below it."""
    for action in parser._actions:
        yield action
        if isinstance(action, _SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)


def _complete(action: Action) -> None:
    """Says what an argument can be, by what its help calls it."""
    import shtab

    from stackc.catalog import Catalog
    from stackc.diagnostics import pages

    match action.metavar:
        case "DISTRIBUTION" | "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        case "DIR" | "FOLDER":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        case "API":
            action.choices = Catalog().api_names
        case "CODE":
            action.choices = pages.codes()
