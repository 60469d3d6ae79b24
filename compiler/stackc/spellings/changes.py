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
    """A value at a path; the mappings that lead there are made where they are missing."""

    path: Path
    value: Value


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
        case Put(path, value):
            return _put(root, path, value)
        case Move(path, to):
            moved = found(root, path)
            assert moved is not None
            return applied(_put(root, to, moved), Remove(path))


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


def _put(root: Mapping, path: Path, value: Value) -> Mapping:
    step, rest = path[0], path[1:]
    if not rest:
        return _set(root, str(step), value, value.span)
    inner = root.get(str(step))
    if isinstance(inner, Sequence) and isinstance(rest[0], int):
        return _at(root, path[:-1], lambda each: _set(each, str(path[-1]), value, value.span))
    below = inner if isinstance(inner, Mapping) else Mapping((), value.span)
    return _set(root, str(step), _put(below, rest, value), value.span)


def _set(mapping: Value, key: str, value: Value, span: Span) -> Mapping:
    """The mapping with a key that has a value, in its place where it was there."""
    assert isinstance(mapping, Mapping)
    if mapping.entry(key) is None:
        return replace(mapping, entries=(*mapping.entries, Entry(key, span, value)))
    entries = (replace(each, value=value) if each.key == key else each for each in mapping.entries)
    return replace(mapping, entries=tuple(entries))
