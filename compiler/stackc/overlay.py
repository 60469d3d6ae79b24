"""Overlays: a distribution that `extends` another one is that one, with its own values over it.

Mappings are merged key by key, and a key without a value is left out, as JSON Merge Patch (RFC 7396)
has it. Lists of things with an id are merged by the id, where `remove: true` leaves one out; any
other list takes the place of the one below. Every value keeps the place where it was written.
"""

from dataclasses import replace
from pathlib import Path

from stackc.catalog import Catalog
from stackc.diagnostics import section_errors
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.environment import Text
from stackc.kinds import KINDS
from stackc.load import load
from stackc.source import Span
from stackc.spellings.modern import modern
from stackc.tree import Document, Mapping, Scalar, Sequence, Value

IDS = ("benchmark_id", *(kind.id for kind in KINDS.values()), "connector_id", "provider_id")
"""What tells the items of a list apart, the first that an item has: a benchmark names its dataset."""

REMOVE = "remove"


def extended(document: Document, catalog: Catalog) -> Document:
    """A distribution over those that it extends, in today's spelling; raises CompileError."""
    return _extended(document, catalog, ())


def _extended(document: Document, catalog: Catalog, above: tuple[Path, ...]) -> Document:
    path, document = document.source.path, modern(document, catalog).document
    named = document.root.entry("extends")
    if named is None or not isinstance(named.value, Scalar):
        return document
    base = path.parent / str(named.value.value)
    chain = (*above, path)
    _check_base(base, chain, named.value.span)
    below = _extended(load(base), catalog, chain)
    merge = _Merge()
    root = merge.mapping(below.root, _without(document.root, "extends"))
    warnings = stop_at_errors((*below.warnings, *document.warnings, *merge.faults))
    return replace(document, root=root, warnings=warnings)


def bases(distribution: Path) -> tuple[Path, ...]:
    """The files that a distribution extends, the nearest first; of one that is known to be fine."""
    named = load(distribution).root.entry("extends")
    if named is None or not isinstance(named.value, Scalar):
        return ()
    base = distribution.parent / str(named.value.value)
    return (base, *bases(base))


def _check_base(base: Path, chain: tuple[Path, ...], span: Span) -> None:
    """Raises CompileError where a base cannot be read, or is one that extends it."""
    resolved = [each.resolve() for each in chain]
    if base.resolve() in resolved:
        inside = (*chain[resolved.index(base.resolve()) :], base)
        raise CompileError([section_errors.extends_cycle([str(each) for each in inside], span)])
    if not base.is_file():
        reason = "there is no such file"
        raise CompileError([section_errors.unreadable_base(str(base), reason, span)])


class _Merge:
    """Puts values over others; collects what is to be removed and is not there."""

    def __init__(self) -> None:
        self.faults: list[Diagnostic] = []

    def mapping(self, below: Mapping, over: Mapping) -> Mapping:
        entries = {entry.key: entry for entry in below.entries}
        for entry in over.entries:
            if _is_null(entry.value) and entry.key in entries:
                del entries[entry.key]
            elif entry.key in entries:
                value = self.value(entries[entry.key].value, entry.value)
                entries[entry.key] = replace(entry, value=value)
            else:
                entries[entry.key] = replace(entry, value=self.alone(entry.value))
        return Mapping(tuple(entries.values()), over.span)

    def value(self, below: Value, over: Value) -> Value:
        if isinstance(below, Mapping) and isinstance(over, Mapping):
            return self.mapping(below, over)
        if isinstance(below, Sequence) and isinstance(over, Sequence) and _have_ids(below, over):
            return self._by_id(below, over)
        return self.alone(over)

    def alone(self, value: Value) -> Value:
        """A value with nothing below it, in which nothing can be removed."""
        if isinstance(value, Mapping):
            return self.mapping(Mapping((), value.span), value)
        if isinstance(value, Sequence) and _have_ids(value):
            return self._by_id(Sequence((), value.span), value)
        return value

    def _by_id(self, below: Sequence, over: Sequence) -> Sequence:
        items: dict[object, list[Value]] = {}
        for item in below.items:
            items.setdefault(_id(item), []).append(item)
        for item in over.items:
            id_ = _id(item)
            known = items.get(id_)
            if _removes(item):
                self._remove(items, item)
            elif known and known[0] in below.items:
                items[id_] = [self.value(known[0], item), *known[1:]]
            else:
                items.setdefault(id_, []).append(self.alone(item))
        return Sequence(tuple(each for found in items.values() for each in found), over.span)

    def _remove(self, items: dict[object, list[Value]], item: Value) -> None:
        if items.pop(_id(item), None) is None:
            self.faults.append(section_errors.nothing_to_remove(str(_id(item)), item.span))


def _have_ids(*lists: Sequence) -> bool:
    items = [item for each in lists for item in each.items]
    return bool(items) and all(_id(item) is not None for item in items)


def _id(item: Value) -> object:
    """What tells an item apart: the text of its id, also where a variable switches it on."""
    if isinstance(item, Mapping):
        for key in IDS:
            value = item.get(key)
            if isinstance(value, Scalar):
                return _plain_id(value)
    return None


def _plain_id(value: Scalar) -> object:
    if isinstance(value.value, Text) and value.value.references[0].operator == ":+":
        return value.value.references[0].operand
    return value.raw


def _removes(item: Value) -> bool:
    flag = item.get(REMOVE) if isinstance(item, Mapping) else None
    return isinstance(flag, Scalar) and flag.value is True


def _without(root: Mapping, key: str) -> Mapping:
    return replace(root, entries=tuple(each for each in root.entries if each.key != key))


def _is_null(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None
