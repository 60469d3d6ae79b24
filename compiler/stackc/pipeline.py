"""The whole compiler on one page: load (and extend), check, resolve, plan, emit, package."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stackc.catalog import Catalog
from stackc.check import check
from stackc.contradictions import contradictions
from stackc.diagnostics.report import CompileError, stop_at_errors
from stackc.load import load
from stackc.lock import pinned
from stackc.overlay import extended
from stackc.plan import Plan, plan
from stackc.resolve import resolve
from stackc.stack import Stack
from stackc.target_faults import target_faults
from stackc.tree import Document


@dataclass(frozen=True)
class Build:
    """A finished build: what was planned, and where it was written."""

    plan: Plan
    folder: Path


def front(distribution: Path, catalog: Catalog) -> Stack:
    """The stack that a distribution means, before anything is pinned; raises CompileError."""
    return meaning(load(distribution), catalog)


def meaning(document: Document, catalog: Catalog) -> Stack:
    """The stack that a document means, over those that it extends; raises CompileError."""
    return resolve(check(extended(document, catalog), catalog), catalog)


def plan_of(distribution: Path, catalog: Catalog, more_targets: Sequence[str] = ()) -> Plan:
    """The plan of a distribution and its lock; raises CompileError. What `stackc check` does."""
    return planned_document(load(distribution), catalog, more_targets)[1]


def planned_stack(distribution: Path, catalog: Catalog) -> tuple[Stack, Plan]:
    """What a distribution means, and its plan; raises CompileError. For questions about both."""
    return planned_document(load(distribution), catalog)


def planned_document(
    document: Document, catalog: Catalog, more_targets: Sequence[str] = ()
) -> tuple[Stack, Plan]:
    """The same of a document, and of the lock that lies beside where it was read."""
    stack = meaning(document, catalog)
    try:
        lock = pinned(stack)
    except CompileError as error:  # what was found before is told beside it
        raise CompileError((*stack.warnings, *error.diagnostics)) from None
    faults = (*contradictions(stack, lock), *target_faults(stack, more_targets))
    stop_at_errors((*stack.warnings, *faults))
    return stack, plan(stack, lock, catalog, more_targets)


def build(
    distribution: Path, folder: Path | None, catalog: Catalog, more_targets: Sequence[str] = ()
) -> Build:
    """Compiles a distribution into a folder, by default `generated/<name>`; raises CompileError."""
    from stackc.artifacts import chat_templates, context
    from stackc.emit import emit
    from stackc.faults import write_faults
    from stackc.package import package

    planned = plan_of(distribution, catalog, more_targets)
    folder = folder or default_folder(planned)
    files = emit(planned, chat_templates(planned, distribution))
    linked = context(planned, distribution, files)
    with write_faults(planned.place):
        package(folder, files, linked)
    return Build(planned, folder)


def outdated(
    distribution: Path, folder: Path | None, catalog: Catalog, more_targets: Sequence[str] = ()
) -> list[str]:
    """How a committed folder differs from what `build` would write, a line each."""
    from stackc.artifacts import chat_templates
    from stackc.emit import emit
    from stackc.package import differences

    planned = plan_of(distribution, catalog, more_targets)
    files = emit(planned, chat_templates(planned, distribution))
    return differences(folder or default_folder(planned), files)


def default_folder(planned: Plan) -> Path:
    """`generated/<name>` under the folder that the command runs in."""
    return Path("generated") / planned.name
