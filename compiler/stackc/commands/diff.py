"""`stackc diff`: what changes from one distribution to another, or to what it was in git."""

import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stackc.commands.arguments import FINE, INPUT_AT_FAULT, USAGE

if TYPE_CHECKING:
    from stackc.comparison.change import Comparison
    from stackc.comparison.revision import Side
    from stackc.diagnostics.report import CompileError
    from stackc.plan import Plan

FORMATS = ("human", "json")


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("diff", help="say what changes between two distributions")
    parser.add_argument("old", metavar="A", help="a YAML file, or REV:FILE of a revision of git")
    parser.add_argument(
        "new", nargs="?", metavar="B", help="another one (default: compare HEAD:A with A as it is)"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help=f"(default: {FORMATS[0]})"
    )
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if anything differs")
    return parser


def run(options: Namespace) -> int:
    """Compiles both, as far as the plan, and prints the changes."""
    from stackc.comparison.compare import compare
    from stackc.comparison.revision import GitError, sides

    try:
        both = sides(options.old, options.new)
        plans = _plans(both, options.format)
    except GitError as error:
        print(f"stackc: {error}", file=sys.stderr)
        return USAGE
    if len(plans) < 2:
        return INPUT_AT_FAULT
    comparison = compare(*plans)
    _print(both, comparison, options.format)
    return INPUT_AT_FAULT if options.exit_code and comparison.changes else FINE


def _plans(sides: "Iterable[Side]", form: str) -> "list[Plan]":
    """The plans of the sides that compile; what is wrong with the others is shown."""
    from stackc.catalog import Catalog
    from stackc.diagnostics.report import CompileError
    from stackc.pipeline import plan_of

    plans, faults = [], []
    catalog = Catalog()
    for side in sides:
        with side.files() as path:
            try:
                plans.append(plan_of(path, catalog))
            except CompileError as error:
                faults.append((side, error))
    _show(faults, form)
    return plans


def _show(faults: "list[tuple[Side, CompileError]]", form: str) -> None:
    from stackc.commands.output import show

    for side, error in faults:
        print(f"stackc: {side} does not compile", file=sys.stderr)
        if form != "json":
            show(error.diagnostics, form)
    if faults and form == "json":
        show([each for _, error in faults for each in error.diagnostics], form)


def _print(sides: "Iterable[Side]", comparison: "Comparison", form: str) -> None:
    import json

    from stackc.comparison.text import text

    old, new = map(str, sides)
    if form == "json":
        data = {"old": old, "new": new, **comparison.as_json()}
        print(json.dumps(data, indent=2, ensure_ascii=False))
        return
    told = f"from {old}\nto   {new}\n\n{text(comparison)}"
    if sys.stdout.isatty():
        from stackc.comparison.colour import print_coloured

        print_coloured(told)
    else:
        print(told, end="")
