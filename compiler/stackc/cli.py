"""The command line: `stackc build`, `check`, `run`, `lock`, `explain` and the lists."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

FINE, INPUT_AT_FAULT, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0 when all is fine, 1 when the input is at fault, 2 on misuse."""
    options = _parser().parse_args(arguments)
    from stackc import commands
    from stackc.diagnostics.report import CompileError

    try:
        code = commands.COMMANDS[options.command](options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # who read the output, such as `head`, has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except CompileError as error:
        commands.show(error, options.format)
        return INPUT_AT_FAULT
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stackc",
        description="Compile one YAML file into a server of the Llama Stack API.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_compiling(commands)
    _add_asking(commands)
    return parser


def _add_compiling(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    build = commands.add_parser("build", help="compile a distribution into generated/<name>/")
    _distribution(build)
    build.add_argument("--out", type=Path, metavar="DIR", help="write into DIR instead")
    build.add_argument(
        "--check", action="store_true", help="write nothing; fail if the folder is out of date"
    )
    check = commands.add_parser("check", help="find every fault, write nothing")
    _distribution(check)
    run = commands.add_parser("run", help="build, then serve")
    _distribution(run)
    run.add_argument("--out", type=Path, metavar="DIR", help="build into DIR instead")
    run.add_argument("--host", help="the address to listen on")
    run.add_argument("--port", type=int, help="the port to listen on")
    lock = commands.add_parser("lock", help="pin packages and model files by hash")
    _distribution(lock)
    lock.add_argument("--upgrade", action="store_true", help="take the newest packages that fit")


def _add_asking(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    explain = commands.add_parser("explain", help="explain the code of an error")
    explain.add_argument("code", metavar="CODE")
    commands.add_parser("list", help="list the distributions of ./distributions")
    commands.add_parser("list-apis", help="list the APIs that a stack can serve")
    providers = commands.add_parser("list-providers", help="list the provider types")
    providers.add_argument("api", nargs="?", metavar="API")
    deps = commands.add_parser("list-deps", help="list the packages of a distribution's lock")
    _distribution(deps)
    for name in ("explain", "list", "list-apis", "list-providers"):
        commands.choices[name].set_defaults(format="human")


def _distribution(parser: argparse.ArgumentParser) -> None:
    from stackc.diagnostics.render import FORMATS

    parser.add_argument("distribution", type=Path, metavar="DISTRIBUTION", help="a YAML file")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help=f"how errors are shown (default: {FORMATS[0]})",
    )


def _version() -> str:
    from stackc.version import VERSION

    return f"stackc {VERSION}"


if __name__ == "__main__":
    sys.exit(main())
