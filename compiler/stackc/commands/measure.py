"""`stackc measure`: what a stack takes, beside its budget."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from stackc.commands import arguments
from stackc.commands.arguments import FINE

if TYPE_CHECKING:
    from stackc.pipeline import Made
    from stackc.supply.trial import Measured


def add(commands: "_SubParsersAction[ArgumentParser]") -> ArgumentParser:
    """Adds the command's parser."""
    parser = commands.add_parser("measure", help="start a stack, say what it takes of its budget")
    arguments.distribution(parser)
    parser.add_argument(
        "--times", type=int, default=5, metavar="N", help="how often it is started (default: 5)"
    )
    return parser


def run(options: Namespace) -> int:
    """Builds into a folder that is gone afterwards, installs the lock, starts the stack, tells."""
    from stackc.catalog import Catalog
    from stackc.commands.output import misuse
    from stackc.diagnostics.report import stop_at_errors
    from stackc.pipeline import made
    from stackc.supply.budget import budget_of, over_budget, over_when_running
    from stackc.supply.image_size import size_of
    from stackc.supply.table import table

    if options.times < 1:
        return misuse("--times takes a number from 1 on")
    new = made(options.distribution, Catalog())
    budget = budget_of(new.stack.spec.document)
    size = size_of(new.plan, new.written, new.context.linked)
    found = _measured(new, options.times)
    print(table(budget, len(new.plan.lock.packages), size, found), end="")
    stop_at_errors(
        [
            *over_budget(budget, new.plan.lock, size),
            *over_when_running(budget, found.start_ms, found.rss_mb),
        ]
    )
    return FINE


def _measured(new: "Made", times: int) -> "Measured":
    import tempfile

    from stackc import virtualenv
    from stackc.diagnostics import build_errors, supply_errors
    from stackc.diagnostics.report import CompileError
    from stackc.pipeline import written
    from stackc.supply.trial import StartError, measure

    place = new.plan.place
    try:
        python = virtualenv.python_of(new.plan.lock.packages)
        with tempfile.TemporaryDirectory() as name:
            folder = written(new, Path(name) / new.plan.name)
            return measure(python, new.plan.package, folder, times)
    except virtualenv.InstallError as error:
        raise CompileError(
            [build_errors.environment_failed(str(error), error.lines, place)]
        ) from error
    except StartError as error:
        needed = [each.variable for each in new.plan.settings if each.required]
        raise CompileError([supply_errors.start_failed(needed, error.lines, place)]) from error
