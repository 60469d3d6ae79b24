"""`stackc build`: compiles a distribution into a package and a container context."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path

from stackc.commands import arguments
from stackc.commands.arguments import FINE, INPUT_AT_FAULT


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("build", help="compile a distribution into generated/<name>/")
    arguments.distribution(parser)
    parser.add_argument("--out", type=Path, metavar="DIR", help="write into DIR instead")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail if the folder is out of date"
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="NAME",
        help="also write this target, such as kubernetes; may be given more than once",
    )
    return parser


def run(options: Namespace) -> int:
    """Builds, or says how the committed folder differs from what would be built."""
    from stackc import pipeline
    from stackc.catalog import Catalog
    from stackc.commands.output import show, unknown
    from stackc.diagnostics.render import MACHINE
    from stackc.targets import offered

    for name in options.target:
        if name not in offered():
            return unknown("target", name, offered())
    if options.check:
        lines = pipeline.outdated(options.distribution, options.out, Catalog(), options.target)
        print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr)
        return INPUT_AT_FAULT if lines else FINE
    built = pipeline.build(options.distribution, options.out, Catalog(), options.target)
    show(built.plan.warnings, options.format)
    if options.format not in MACHINE:
        print(f"built {built.folder}", *built.plan.summary, sep="\n")
    return FINE
