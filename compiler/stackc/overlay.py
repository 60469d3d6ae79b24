"""Overlays: a distribution that `extends` another one is that one, with its own values over it.

Mappings are merged key by key, and a key without a value is left out, as JSON Merge Patch (RFC 7396)
has it. Lists of things with an id are merged by the id, where `remove: true` leaves one out; any
other list, and an empty one, takes the place of the one below. Every value keeps the place where it
was written.
"""

from dataclasses import replace
from os.path import normpath, relpath
from pathlib import Path

from stackc.catalog import Catalog
from stackc.diagnostics import section_errors
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.environment import Text
from stackc.kinds import KINDS
from stackc.limits import MAX_FILES
from stackc.load import load
from stackc.source import Span
from stackc.spellings.changes import Put, applied, found
from stackc.spellings.modern import OF_A_FILE, modern
from stackc.tree import Document, Mapping, Scalar, Sequence, Value

IDS = ("benchmark_id", *(kind.id for kind in KINDS.values()), "connector_id", "provider_id")
"""What tells the items of a list apart, the first that an item has: a benchmark names its dataset."""

REMOVE = "remove"


def extended(document: Document, catalog: Catalog) -> Document:
    """A distribution over those that it extends, in today's spelling; raises CompileError."""
    return modern(_merged(document, catalog, ()), catalog).document


def _merged(document: Document, catalog: Catalog, above: tuple[Path, ...]) -> Document:
    path, named = document.source.path, document.root.get("extends")
    if not isinstance(named, Scalar) or not isinstance(named.value, str):
        return document  # of which the shape tells, where it is another value
    document = modern(document, catalog, OF_A_FILE).document
    base = Path(normpath(path.parent / named.value))
    chain = (*above, path)
    _check_base(base, chain, named.span)
    below = modern(_merged(load(base), catalog, chain), catalog, OF_A_FILE).document
    merge = _Merge()
    root = merge.mapping(_seen_from(path, below), _without(document.root, "extends"))
    warnings = stop_at_errors((*below.warnings, *document.warnings, *merge.faults))
    return replace(document, root=root, warnings=warnings)


def bases(distribution: Path) -> tuple[Path, ...]:
    """The files that a distribution extends, the nearest first; of one that is known to be fine."""
    named = load(distribution).root.entry("extends")
    if named is None or not isinstance(named.value, Scalar):
        return ()
    base = distribution.parent / str(named.value.value)
    return (base, *bases(base))


def _seen_from(path: Path, below: Document) -> Mapping:
    """A base whose `file:` sources, which count from its own folder, count from another one's."""
    folder = relpath(below.source.path.parent, path.parent)
    root, models = below.root, _models(below.root)
    for index, model in enumerate(models if folder != "." else ()):
        for keys in (("source",), ("head", "data")):
            source = found(model, keys)
            if isinstance(source, Scalar) and source.raw.startswith("file:"):
                text = f"file:{normpath(Path(folder, source.raw.removeprefix('file:')))}"
                place = ("registered_resources", "models", index, *keys)
                root = applied(root, Put(place, replace(source, value=text, raw=text)))
    return root


def _check_base(base: Path, chain: tuple[Path, ...], span: Span) -> None:
    """Raises CompileError where a base cannot be read, or is one that extends it."""
    if not _is_file(base):
        reason = "there is no such file"
        raise CompileError([section_errors.unreadable_base(str(base), reason, span)])
    resolved = [each.resolve() for each in chain]
    if base.resolve() in resolved:
        inside = (*chain[resolved.index(base.resolve()) :], base)
        raise CompileError([section_errors.extends_cycle([str(each) for each in inside], span)])
    if len(chain) == MAX_FILES:
        reason = f"there are {MAX_FILES} files above it already"
        raise CompileError([section_errors.unreadable_base(str(base), reason, span)])


def _is_file(path: Path) -> bool:
    """Whether a path leads to a file; no path holds a NUL, some systems say so by a ValueError."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


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
        if not isinstance(below, Sequence) or not isinstance(over, Sequence) or not over.items:
            return self.alone(over)
        return self._by_id(below, over) if _have_ids(below, over) else self.alone(over)

    def alone(self, value: Value) -> Value:
        """A value with nothing below it, in which nothing can be removed."""
        if isinstance(value, Mapping):
            return self.mapping(Mapping((), value.span), value)
        if isinstance(value, Sequence) and _have_ids(value):
            return self._by_id(Sequence((), value.span), value)
        return value

    def _by_id(self, below: Sequence, over: Sequence) -> Sequence:
        slots: list[Value | None] = list(below.items)
        places: dict[object, list[int]] = {}
        for index, item in enumerate(below.items):
            places.setdefault(_id(item), []).append(index)
        for item in over.items:
            untouched = places.setdefault(_id(item), [])
            meant = _meant(below.items, untouched, item)
            if _removes(item):
                self._remove(slots, meant, item)
            elif len(meant) == 1:
                known = below.items[meant[0]]
                slots[meant[0]] = _with_id(known, self.value(known, item))
            else:
                slots.append(self.alone(item))
            places[_id(item)] = [each for each in untouched if each not in meant]
        return Sequence(tuple(each for each in slots if each is not None), over.span)

    def _remove(self, slots: list[Value | None], meant: list[int], item: Value) -> None:
        if not meant:
            self.faults.append(section_errors.nothing_to_remove(str(_id(item)), item.span))
        for index in meant:
            slots[index] = None


def _meant(items: tuple[Value, ...], same: list[int], item: Value) -> list[int]:
    """Which of the items of one id an overlay is about: where there are several, its provider tells."""
    named = _provider(item)
    if len(same) <= 1 or named is None:
        return same
    return [index for index in same if _provider(items[index]) == named]


def _have_ids(*lists: Sequence) -> bool:
    items = [item for each in lists for item in each.items]
    return bool(items) and all(_id(item) is not None for item in items)


def _id(item: Value) -> object:
    """What tells an item apart: the text of its id, also where a variable switches it on."""
    value = item.get(_id_key(item)) if isinstance(item, Mapping) else None
    return _plain_id(value) if isinstance(value, Scalar) else None


def _id_key(item: Value) -> str:
    """The key of an item's id, or nothing."""
    keys = (key for key in IDS if isinstance(item, Mapping) and isinstance(item.get(key), Scalar))
    return next(keys, "")


def _with_id(below: Value, merged: Value) -> Value:
    """What is merged, with the id as it was: that an overlay names it does not switch it on."""
    if not isinstance(below, Mapping) or not isinstance(merged, Mapping):
        return merged
    known, given = below.entry(_id_key(below)), merged.get(_id_key(merged))
    if known is None or not isinstance(given, Scalar) or isinstance(given.value, Text):
        return merged
    entries = (known if each.key == known.key else each for each in merged.entries)
    return replace(merged, entries=tuple(entries))


def _provider(item: Value) -> object:
    value = item.get("provider_id") if isinstance(item, Mapping) else None
    return _plain_id(value) if isinstance(value, Scalar) else None


def _plain_id(value: Scalar) -> object:
    if isinstance(value.value, Text) and value.value.references[0].operator == ":+":
        return value.value.references[0].operand
    return value.raw


def _removes(item: Value) -> bool:
    flag = item.get(REMOVE) if isinstance(item, Mapping) else None
    return isinstance(flag, Scalar) and flag.value is True


def _models(root: Mapping) -> tuple[Value, ...]:
    models = found(root, ("registered_resources", "models"))
    return models.items if isinstance(models, Sequence) else ()


def _without(root: Mapping, key: str) -> Mapping:
    return replace(root, entries=tuple(each for each in root.entries if each.key != key))


def _is_null(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None
