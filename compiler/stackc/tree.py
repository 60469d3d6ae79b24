"""A document as a tree: the values of a YAML text, each with its place."""

from dataclasses import dataclass, field
from typing import Any

from stackc import environment
from stackc.diagnostics.report import Diagnostic
from stackc.source import Source, Span

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class Scalar:
    """A leaf: a plain value, or text that refers to the environment; `raw` is as it was written."""

    value: Plain | environment.Text
    raw: str
    span: Span


@dataclass(frozen=True)
class Sequence:
    """A list."""

    items: tuple["Value", ...]
    span: Span


@dataclass(frozen=True)
class Entry:
    """A key of a mapping and its value."""

    key: str
    key_span: Span
    value: "Value"


@dataclass(frozen=True)
class Mapping:
    """A mapping, in the order of the text; no key stands twice."""

    entries: tuple[Entry, ...]
    span: Span

    def get(self, key: str) -> "Value | None":
        """The value under a key, or None."""
        entry = self.entry(key)
        return entry.value if entry else None

    def entry(self, key: str) -> Entry | None:
        """The key with its place and value, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)


Value = Scalar | Sequence | Mapping


@dataclass(frozen=True)
class Document:
    """A distribution as it was written.

    The stage exists so that every later one can point. It is well-formed YAML with a mapping at
    its root, no key stands twice, and every `$` is a well-formed expression or plain text.
    """

    source: Source
    root: Mapping
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)


def plain(value: Value) -> Any:
    """The value without its places: dicts, lists and leaves, references as `environment.Text`."""
    if isinstance(value, Mapping):
        return {entry.key: plain(entry.value) for entry in value.entries}
    if isinstance(value, Sequence):
        return [plain(item) for item in value.items]
    return value.value
