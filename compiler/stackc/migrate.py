"""Migrating: a distribution's text in today's spelling, with its comments and its order."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.tokens import CommentToken
from ruamel.yaml.util import load_yaml_guess_indent

from stackc.catalog import Catalog
from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError
from stackc.environment import Text
from stackc.external.entries import entries_of
from stackc.external.sources import sources_of
from stackc.fixes import applied
from stackc.load import load, read
from stackc.source import Span
from stackc.spellings.changes import Change, Move, Put, Remove, Rename
from stackc.spellings.changes import Path as Place
from stackc.spellings.modern import modern
from stackc.tree import Mapping, Scalar, Sequence, Value, plain


def migrated(path: Path, catalog: Catalog) -> str:
    """The text of a distribution as one would write it today; raises CompileError."""
    document = load(path)
    external = entries_of(sources_of(document, fresh=False), catalog)
    catalog = catalog.extended(each.type for each in external)
    text = applied(document.source.text, [edit for each in document.warnings for edit in each.fix])
    new = modern(document, catalog)
    if new.changes:
        text = _changed(text, new.changes)
    if plain(read(path, text).root) != plain(new.document.root):
        raise CompileError([errors.not_migrated(Span.start_of(document.source))])
    return text


def _changed(text: str, changes: tuple[Change, ...]) -> str:
    """The text with changes of its structure, or as it is where one cannot be made (merge keys)."""
    try:
        root, indent, offset = load_yaml_guess_indent(text.replace("\r\n", "\n"))
        for change in changes:
            _apply(root, change)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, YAMLError):
        return text
    dumped = _dumped(root, indent, offset)
    return dumped.replace("\n", "\r\n") if "\r\n" in text else dumped


def _dumped(root: CommentedMap, indent: int | None, offset: int | None) -> str:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 4096  # what is one line stays one
    inside = offset or 0
    yaml.indent(mapping=indent or 2, sequence=inside + 2, offset=inside)
    output = io.StringIO()
    yaml.dump(root, output)
    return output.getvalue()


def _apply(root: CommentedMap, change: Change) -> None:
    match change:
        case Rename(path, key):
            _rename(_owner(root, path), str(path[-1]), key)
        case Remove(path):
            _pop(_owner(root, path), path[-1])
        case Put(path, value):
            _put(root, path, _plain(value))
        case Move(path, to):
            _put(root, to, _pop(_owner(root, path), path[-1]))


def _owner(root: Any, path: Place) -> Any:
    """The mapping or list that holds the last step of a path."""
    for step in path[:-1]:
        root = root[step]
    return root


def _rename(mapping: CommentedMap, old: str, new: str) -> None:
    """Gives a key another name in its place, with the comments that belong to it."""
    index = list(mapping).index(old)
    comments = mapping.ca.items.pop(old, None)
    mapping.insert(index, new, mapping.pop(old))
    if comments is not None:
        mapping.ca.items[new] = comments


def _pop(owner: Any, key: Any) -> Any:
    """Takes a value out; the lines of comment behind it belong to what comes next, and stay."""
    lines = _take_lines(*_last_leaf(owner, key))
    keys = list(owner) if isinstance(owner, CommentedMap) else list(range(len(owner)))
    index = keys.index(key)
    if lines and index > 0:
        _add_lines(*_last_leaf(owner, keys[index - 1]), lines)
    elif lines and isinstance(owner, CommentedMap) and index + 1 < len(keys):
        text = "\n".join(each.strip().removeprefix("#").strip() for each in lines.split("\n"))
        owner.yaml_set_comment_before_after_key(keys[index + 1], text, indent=owner.lc.col)
    return owner.pop(key)


def _last_leaf(owner: Any, key: Any) -> tuple[Any, Any]:
    """The last scalar in a value, by what holds it: comments behind the value are kept with it."""
    value = owner[key]
    if isinstance(value, CommentedMap) and value:
        return _last_leaf(value, next(reversed(value)))
    if isinstance(value, CommentedSeq) and value:
        return _last_leaf(value, len(value) - 1)
    return owner, key


def _token(owner: Any, key: Any) -> CommentToken | None:
    """The comment behind a scalar, with the lines of comment below it."""
    found = owner.ca.items.get(key) or ()
    return next((each for each in found if isinstance(each, CommentToken)), None)


def _take_lines(owner: Any, key: Any) -> str:
    """The lines of comment below a scalar, which then has them no more."""
    token = _token(owner, key)
    if token is None:
        return ""
    line, _, rest = token.value.partition("\n")
    token.value = f"{line}\n"
    return str(rest).rstrip("\n")


def _add_lines(owner: Any, key: Any, lines: str) -> None:
    token = _token(owner, key)
    if token is not None:
        token.value = f"{token.value.rstrip(chr(10))}\n{lines}\n"
        return
    made = CommentToken(f"\n{lines}\n", CommentMark(0), None)
    slots = owner.ca.items.setdefault(key, [None] * 4)
    slots[2 if isinstance(owner, CommentedMap) else 0] = made


def _put(root: Any, path: Place, value: Any) -> None:
    for step in path[:-1]:
        if isinstance(root, CommentedMap) and step not in root:
            root[step] = CommentedMap()
        root = root[step]
    known = path[-1] in root
    lines = _take_lines(*_last_leaf(root, path[-1])) if known else ""
    root[path[-1]] = value
    if lines:
        _add_lines(*_last_leaf(root, path[-1]), lines)


def _plain(value: Value) -> Any:
    """A value as the round-trip loader would have made it."""
    if isinstance(value, Mapping):
        return CommentedMap((entry.key, _plain(entry.value)) for entry in value.entries)
    if isinstance(value, Sequence):
        return CommentedSeq(map(_plain, value.items))
    assert isinstance(value, Scalar)
    return str(value.value) if isinstance(value.value, Text) else value.value
