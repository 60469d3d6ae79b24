"""The command line: reads the arguments, runs one command, says what is wrong with its input."""

import argparse
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from stackc.commands import COMMANDS
from stackc.commands.arguments import FINE, INPUT_AT_FAULT


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0 when all is fine, 1 when the input is at fault, 2 on misuse."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name may be no text
    options = parser().parse_args(arguments)
    from stackc.diagnostics.report import CompileError

    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who read the output, such as `head`, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except CompileError as error:
        from stackc.commands.output import show

        show(error.diagnostics, getattr(options, "format", "human"))
        return INPUT_AT_FAULT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="stackc",
        description="Compile one YAML file into a server of the Llama Stack API.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands).set_defaults(run=command.run)
    return parser


def _version() -> str:
    from stackc.version import VERSION

    return f"stackc {VERSION}"


if __name__ == "__main__":
    sys.exit(main())
