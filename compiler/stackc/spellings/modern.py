"""A document in today's spelling: every old one is read, and noted where it stands."""

from dataclasses import dataclass, replace
from itertools import islice

from stackc.catalog import Catalog
from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError, Diagnostic
from stackc.limits import MAX_CHANGES
from stackc.source import Span
from stackc.spellings import rules
from stackc.spellings.build_file import build_file
from stackc.spellings.changes import Change, applied
from stackc.spellings.inline_stores import inline_stores
from stackc.tree import Document

OF_A_FILE: tuple[rules.Rule, ...] = (
    build_file,
    rules.version_as_text,
    rules.name_of_the_stack,
    rules.resources_at_the_root,
    rules.vector_databases,
    rules.telemetry_as_a_provider,
    rules.disabled_providers,
    rules.renamed_types,
    rules.renamed_keys,
)
"""What can be read file by file, before a distribution is laid over another one."""

RULES = (rules.empty_sections, *OF_A_FILE, rules.disabled_resources, inline_stores)
"""In this order: a rule sees what those before it have changed."""


@dataclass(frozen=True)
class Modern:
    """A document in today's spelling, and the changes that made it so."""

    document: Document
    changes: tuple[Change, ...]


def modern(document: Document, catalog: Catalog, chosen: tuple[rules.Rule, ...] = RULES) -> Modern:
    """The same distribution, as one would write it today; raises CompileError where it is too large."""
    root, changes = document.root, list[Change]()
    notes: list[Diagnostic] = list(document.warnings)
    for rule in chosen:
        for change, note in list(islice(rule(root, catalog), MAX_CHANGES + 1)):
            if len(changes) == MAX_CHANGES:
                raise CompileError([errors.too_large(Span.start_of(document.source))])
            root = applied(root, change)
            changes.append(change)
            notes += [note] if note else []
    warnings = tuple(notes)
    return Modern(replace(document, root=root, warnings=warnings), tuple(changes))
