"""The whole compiler on one page: load (and extend), check, resolve, plan, emit, package."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from stackc.catalog import Catalog
from stackc.check import check
from stackc.contradictions import contradictions
from stackc.diagnostics.report import CompileError, stop_at_errors
from stackc.garbage import kept
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


@kept()
def front(distribution: Path, catalog: Catalog, *, fresh: bool = False) -> Stack:
    """The stack that a distribution means, before anything is pinned; raises CompileError.

    External provider types are read as their lock has them, or anew where `fresh`.
    """
    return meaning(load(distribution), catalog, fresh=fresh)


def meaning(document: Document, catalog: Catalog, *, fresh: bool = False) -> Stack:
    """The stack that a document means, over those that it extends; raises CompileError."""
    whole = extended(document, catalog)
    if whole.root.get("external_providers") is None:
        return resolve(check(whole, catalog), catalog)
    from stackc.external.entries import entries_of
    from stackc.external.parts import parts_of
    from stackc.external.sources import sources_of

    sources = sources_of(whole, fresh=fresh)
    external = entries_of(sources, catalog)
    catalog = catalog.extended(each.type for each in external)
    whole = extended(document, catalog)  # which now knows their old spellings
    stack = resolve(check(whole, catalog), catalog)
    return replace(stack, external=parts_of(stack, sources, external))


def plan_of(distribution: Path, catalog: Catalog, more_targets: Sequence[str] = ()) -> Plan:
    """The plan of a distribution and its lock; raises CompileError. What `stackc check` does."""
    return planned_stack(distribution, catalog, more_targets)[1]


@kept()
def planned_stack(
    distribution: Path, catalog: Catalog, more_targets: Sequence[str] = ()
) -> tuple[Stack, Plan]:
    """What a distribution means, and its plan; raises CompileError. For questions about both."""
    return planned_document(load(distribution), catalog, more_targets)


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
    from stackc.external.installed import package_faults
    from stackc.faults import write_faults
    from stackc.package import package

    stack, planned = planned_stack(distribution, catalog, more_targets)
    folder = folder or default_folder(planned)
    files = emit(planned, chat_templates(planned, distribution))
    made = context(stack, planned, files)
    stop_at_errors(package_faults(stack, catalog.base_packages, made.wheels))
    with write_faults(planned.place):
        package(folder, {**files, **made.code}, made.linked)
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
