"""`stackc run`: builds a distribution, and becomes the stack."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands import arguments
from stackc.commands.arguments import FINE


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("run", help="build, then serve")
    arguments.distribution(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="build into DIR instead")
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on")
    return parser


def run(options: Namespace) -> int:
    """Does not return where all is well; the process becomes the stack."""
    from stackc import pipeline, virtualenv
    from stackc.catalog import Catalog
    from stackc.commands.output import show
    from stackc.diagnostics import build_errors
    from stackc.diagnostics.report import CompileError

    built = pipeline.build(options.distribution, options.out, Catalog())
    show(built.plan.warnings, options.format)
    try:
        python = virtualenv.python_of(built.plan.lock.packages)
    except virtualenv.InstallError as error:
        fault = build_errors.environment_failed(str(error), error.lines, built.plan.place)
        raise CompileError([fault]) from error
    given = [f"--host={options.host}"] if options.host else []
    given += [f"--port={options.port}"] if options.port is not None else []
    virtualenv.start(python, built.plan.package, built.folder.resolve(), given)
    return FINE
