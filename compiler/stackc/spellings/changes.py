"""Changes of a document's structure, each by the path of what it changes; all of it immutable."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from stackc.source import Span
from stackc.tree import Entry, Mapping, Sequence, Value

Path = tuple[str | int, ...]
"""The keys and indices that lead to a value from the root."""


@dataclass(frozen=True)
class Rename:
    """The last key of a path becomes another one."""

    path: Path
    key: str


@dataclass(frozen=True)
class Remove:
    """What is at a path is left out."""

    path: Path


@dataclass(frozen=True)
class Put:
    """A value at a path; the mappings that lead there are made where they are missing.

    `place` is that of the keys that are new, where it is not that of the value.
    """

    path: Path
    value: Value
    place: Span | None = None


@dataclass(frozen=True)
class Move:
    """What is at a path goes to another one."""

    path: Path
    to: Path


Change = Rename | Remove | Put | Move

Changing = Callable[[Value], Value]


def applied(root: Mapping, change: Change) -> Mapping:
    """The root after a change."""
    match change:
        case Rename(path, key):
            return _at(root, path[:-1], lambda each: _renamed(each, path[-1], key))
        case Remove(path):
            return _at(root, path[:-1], lambda each: _without(each, path[-1]))
        case Put(path, value, place):
            return _put(root, path, value, place or value.span)
        case Move(path, to):
            owner = found(root, path[:-1])
            moved = owner.entry(str(path[-1])) if isinstance(owner, Mapping) else None
            assert moved is not None
            return applied(_put(root, to, moved.value, moved.key_span), Remove(path))


def found(root: Value | None, path: Path) -> Value | None:
    """What is at a path, or None."""
    value: Value | None = root
    for step in path:
        if isinstance(value, Mapping) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, Sequence) and isinstance(step, int):
            value = value.items[step]
        else:
            return None
    return value


def _at(value: Value, path: Path, change: Changing) -> Mapping:
    """A mapping in which the value at a path, which is there, is changed."""
    changed = _changed(value, path, change)
    assert isinstance(changed, Mapping)
    return changed


def _changed(value: Value, path: Path, change: Changing) -> Value:
    if not path:
        return change(value)
    step, rest = path[0], path[1:]
    if isinstance(value, Sequence) and isinstance(step, int):
        items = list(value.items)
        items[step] = _changed(items[step], rest, change)
        return replace(value, items=tuple(items))
    assert isinstance(value, Mapping)
    entries = (
        replace(each, value=_changed(each.value, rest, change)) if each.key == step else each
        for each in value.entries
    )
    return replace(value, entries=tuple(entries))


def _renamed(value: Value, old: str | int, new: str) -> Value:
    assert isinstance(value, Mapping)
    entries = (replace(each, key=new) if each.key == old else each for each in value.entries)
    return replace(value, entries=tuple(entries))


def _without(value: Value, step: str | int) -> Value:
    if isinstance(value, Sequence):
        items = (each for index, each in enumerate(value.items) if index != step)
        return replace(value, items=tuple(items))
    assert isinstance(value, Mapping)
    return replace(value, entries=tuple(each for each in value.entries if each.key != step))


def _put(root: Mapping, path: Path, value: Value, place: Span) -> Mapping:
    step, rest = str(path[0]), path[1:]
    if not rest:
        return _set(root, step, value, place)
    inner = root.get(step)
    if isinstance(inner, Sequence) and isinstance(rest[0], int):
        within = rest[1:]
        return _at(root, path[:2], lambda item: _put(_mapping(item, place), within, value, place))
    return _set(root, step, _put(_mapping(inner, place), rest, value, place), place)


def _mapping(value: Value | None, place: Span) -> Mapping:
    """A mapping that is there, or an empty one at a place."""
    return value if isinstance(value, Mapping) else Mapping((), place)


def _set(mapping: Value, key: str, value: Value, span: Span) -> Mapping:
    """The mapping with a key that has a value, in its place where it was there."""
    assert isinstance(mapping, Mapping)
    if mapping.entry(key) is None:
        return replace(mapping, entries=(*mapping.entries, Entry(key, span, value)))
    entries = (replace(each, value=value) if each.key == key else each for each in mapping.entries)
    return replace(mapping, entries=tuple(entries))
