"""The whole compiler on one page: load (and extend), check, resolve, plan, emit, package."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from stackc.artifacts import Context


@dataclass(frozen=True)
class Made:
    """What a distribution is compiled to, not yet written; `files` are those that are committed."""

    stack: Stack
    plan: Plan
    files: dict[str, bytes]
    context: "Context"

    @property
    def written(self) -> dict[str, bytes]:
        """The files of the folder that are no links, by path."""
        return {**self.files, **self.context.code}


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


def checked(distribution: Path, catalog: Catalog) -> Plan:
    """The plan, within its budget as far as the cache tells; what `stackc check` does."""
    stack, planned = planned_stack(distribution, catalog)
    from stackc.supply.budget import budget_of, over_budget  # not needed where there are faults
    from stackc.supply.image_size import cached_size

    budget = budget_of(stack.spec.document)
    limit = budget.image_mb
    size = cached_size(stack, planned, limit.most) if limit else None
    stop_at_errors(over_budget(budget, planned.lock, size))
    return planned


def made(distribution: Path, catalog: Catalog, more_targets: Sequence[str] = ()) -> Made:
    """What a distribution is compiled to; raises CompileError."""
    from stackc.artifacts import context
    from stackc.external.installed import package_faults

    stack, planned = planned_stack(distribution, catalog, more_targets)
    files = emitted(planned, distribution)
    new = Made(stack, planned, files, context(stack, planned, files))
    stop_at_errors(package_faults(stack, catalog.base_packages, new.context.wheels))
    return new


def emitted(planned: Plan, distribution: Path) -> dict[str, bytes]:
    """The files of a plan that are committed, by path; raises CompileError."""
    from stackc.artifacts import chat_templates
    from stackc.emit import emit

    return emit(planned, chat_templates(planned, distribution))


def build(
    distribution: Path, folder: Path | None, catalog: Catalog, more_targets: Sequence[str] = ()
) -> Build:
    """Compiles a distribution into a folder, by default `generated/<name>`; raises CompileError."""
    from stackc.supply.budget import budget_of, over_budget
    from stackc.supply.image_size import size_of

    new = made(distribution, catalog, more_targets)
    budget = budget_of(new.stack.spec.document)
    size = size_of(new.plan, new.written, new.context.linked) if budget.image_mb else None
    stop_at_errors(over_budget(budget, new.plan.lock, size))
    return Build(new.plan, written(new, folder))


def written(new: Made, folder: Path | None) -> Path:
    """The folder that holds it now; raises CompileError."""
    from stackc.faults import write_faults
    from stackc.package import package

    folder = folder or default_folder(new.plan)
    with write_faults(new.plan.place):
        package(folder, new.written, new.context.linked)
    return folder


def outdated(
    distribution: Path, folder: Path | None, catalog: Catalog, more_targets: Sequence[str] = ()
) -> list[str]:
    """How a committed folder differs from what `build` would write, a line each."""
    from stackc.package import differences

    planned = plan_of(distribution, catalog, more_targets)
    return differences(folder or default_folder(planned), emitted(planned, distribution))


def default_folder(planned: Plan) -> Path:
    """`generated/<name>` under the folder that the command runs in."""
    return Path("generated") / planned.name
