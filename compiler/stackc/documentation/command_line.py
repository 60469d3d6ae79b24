"""The command line as data for its page, read from the parser that it runs with."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

_SHOWN_NOT = (argparse.SUPPRESS, "show this help message and exit")


@dataclass(frozen=True)
class Argument:
    """An argument of a command: how it is written, and what it is for."""

    name: str
    help: str


@dataclass(frozen=True)
class Command:
    """A command with its arguments, in the order of its help."""

    name: str
    help: str
    usage: str
    arguments: tuple[Argument, ...]


def commands_of(parser: argparse.ArgumentParser, help: str = "") -> Iterator[Command]:
    """A parser, or those below it, each of which runs something."""
    inner = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    if not inner:
        yield _command(parser, help)
    for action in inner:
        helps = {each.dest: each.help for each in action._choices_actions}
        for name, command in action.choices.items():
            yield from commands_of(command, helps.get(name) or "")


def _command(parser: argparse.ArgumentParser, help: str) -> Command:
    actions = [action for action in parser._actions if action.help not in _SHOWN_NOT]
    return Command(
        name=parser.prog,
        help=help,
        usage=" ".join([parser.prog, *map(_usage, actions)]),
        arguments=tuple(Argument(_written(action), _help(action)) for action in actions),
    )


def _usage(action: argparse.Action) -> str:
    optional = not action.required or action.nargs == "?"
    return f"[{_written(action)}]" if optional else _written(action)


def _written(action: argparse.Action) -> str:
    value = _value(action)
    if not action.option_strings:
        return value
    return f"{action.option_strings[-1]} {value}".strip()


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _help(action: argparse.Action) -> str:
    text = action.help or ""
    if action.choices and action.metavar:
        text = f"{text} ({', '.join(map(str, action.choices))})".strip()
    return text
