"""Reading: a distribution's text becomes a tree in which every value knows its place."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from stackc import environment
from stackc.core_schema import PREFIX, plain_value
from stackc.diagnostics import errors, warnings
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.diagnostics.secrets import names_secret, without_secret
from stackc.limits import MAX_BYTES, MAX_DEPTH, MAX_FAULTS, MAX_TEXT, MAX_VALUES
from stackc.source import Source, Span
from stackc.tree import Document, Entry, Mapping, Scalar, Sequence, Value
from stackc.yaml_events import Events


def load(path: Path) -> Document:
    """Reads a distribution; raises CompileError with every fault of its form."""
    return read(path, _text(path))


def read(path: Path, text: str) -> Document:
    """The document that a text is; `path` is only for the diagnostics."""
    source = Source(path, text)
    reader = _Reader(source)
    root = reader.document()
    if not isinstance(root, Mapping):
        raise CompileError([errors.not_a_distribution(Span.start_of(source))])
    return Document(source, root, stop_at_errors(reader.faults))


def read_plain(source: Source) -> Value | None:
    """The value of a text in which `$` means nothing; None where it is empty.

    Raises CompileError.
    """
    reader = _Reader(source, expressions=False)
    value = reader.document()
    stop_at_errors(reader.faults)
    return value


def _text(path: Path) -> str:
    nothing = Span.start_of(Source(path, ""))
    try:
        data = _bytes(path)
    except OSError as error:
        raise CompileError([errors.unreadable(nothing, error.strerror or str(error))]) from None
    if len(data) > MAX_BYTES:
        raise CompileError([errors.too_large(nothing)])
    return decoded(path, data)


def decoded(path: Path, data: bytes) -> str:
    """The text of a file; raises CompileError where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        source = Source(path, data.decode("utf-8", "replace"))
        span = Span.at(source, len(data[: error.start].decode()), 1)
        raise CompileError([errors.bad_yaml(span, "the file is not UTF-8")]) from None


def _bytes(path: Path) -> bytes:
    """What a file holds, and no more than it takes to see that this is too much."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a named pipe would wait for a writer
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not a file")
        return file.read(MAX_BYTES + 1)


class _Reader:
    """Turns events into values; collects what is wrong on the way."""

    def __init__(self, source: Source, *, expressions: bool = True) -> None:
        self.source = source
        self.faults: list[Diagnostic] = []
        self._events = Events(source)
        self._stream = iter(self._events)
        self._anchors: dict[str, tuple[Value, int] | None] = {}
        self._expressions = expressions
        self._count = 0
        self._depth = 0

    def document(self) -> Value | None:
        """The one value of the file, or None where there is nothing."""
        started = [next(self._stream, None), next(self._stream, None)]
        if started[1] is None:
            return None
        value = self._value(next(self._stream))
        list(self._stream)  # to its end, where the rest of the faults are
        return value

    def _value(self, event: Any, *, secret: bool = False) -> Value:
        if isinstance(event, AliasEvent):
            return self._aliased(event)
        before = self._count
        self._add(1, event)
        if event.anchor:
            self._anchors[event.anchor] = None
        value = (
            self._scalar(event, secret) if isinstance(event, ScalarEvent) else self._inner(event)
        )
        if event.anchor:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _aliased(self, event: Any) -> Value:
        span = self._span(event, event)
        if event.anchor not in self._anchors:
            fault = errors.bad_yaml(span, f"found undefined alias '{event.anchor}'")
            raise CompileError([fault])
        known = self._anchors[event.anchor]
        if known is None:
            raise CompileError([errors.bad_yaml(span, "an alias holds itself")])
        value, size = known
        self._add(size, event)
        return value

    def _add(self, size: int, event: Any) -> None:
        self._count += size
        length = event.end_mark.index - event.start_mark.index
        if self._count > MAX_VALUES or self._depth > MAX_DEPTH or length > MAX_TEXT:
            raise CompileError([errors.too_large(self._span(event, event))])
        if len(self.faults) > MAX_FAULTS:
            raise CompileError(self.faults)  # there is no end of it

    def _inner(self, event: Any) -> Value:
        self._depth += 1
        value: Value = (
            self._sequence(event) if isinstance(event, SequenceStartEvent) else self._mapping(event)
        )
        self._depth -= 1
        return value

    def _sequence(self, start: Any) -> Sequence:
        items = []
        while not isinstance(event := next(self._stream), SequenceEndEvent):
            items.append(self._value(event))
        return Sequence(tuple(items), self._span(start, event))

    def _mapping(self, start: Any) -> Mapping:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        while not isinstance(event := next(self._stream), MappingEndEvent):
            if _is_merge(event):
                merged += self._merged(event)
                continue
            entry = self._entry(event)
            if entry.key in entries:
                first = entries[entry.key].key_span
                self.faults.append(errors.duplicate_key(entry.key, entry.key_span, first))
            entries.setdefault(entry.key, entry)
        for entry in merged:
            entries.setdefault(entry.key, entry)
        return Mapping(tuple(entries.values()), self._span(start, event))

    def _merged(self, key: Any) -> Iterator[Entry]:
        value = self._value(next(self._stream))
        for mapping in value.items if isinstance(value, Sequence) else (value,):
            if isinstance(mapping, Mapping):
                yield from mapping.entries
            else:
                self.faults.append(errors.bad_yaml(self._span(key, key), "`<<` takes a mapping"))

    def _entry(self, key: Any) -> Entry:
        name, span = self._key(key)
        event = next(self._stream)
        if _is_empty(event):  # its own place is that of whatever comes next
            self._add(1, event)
            return Entry(name, span, Scalar(None, "", span))
        return Entry(name, span, self._value(event, secret=names_secret(name)))

    def _key(self, event: Any) -> tuple[str, Span]:
        if isinstance(event, ScalarEvent) and not event.anchor:
            self._add(0, event)
            return self._events.text(event), self._span(event, event)
        value = self._value(event)
        if isinstance(value, Scalar):
            return value.raw, value.span
        self.faults.append(errors.bad_yaml(value.span, "a key must be a plain word"))
        return f"?{value.span.line}:{value.span.column}", value.span

    def _scalar(self, event: Any, secret: bool) -> Scalar:
        text, span = self._events.text(event), self._span(event, event)
        value = plain_value(text, event.tag, quoted=not event.implicit[0])
        if not isinstance(value, str) or not self._expressions:
            return Scalar(value, text, span)
        parsed, malformed = environment.parse(value)
        for fault in malformed[:MAX_FAULTS]:
            told, place = (
                without_secret(fault, value) if secret else fault,
                self._within(event, fault),
            )
            if fault.old:
                self.faults.append(warnings.old_expression(told, place, fixed=told is fault))
            else:
                self.faults.append(errors.malformed_environment(told, place))
        return Scalar(parsed, value, span)

    def _within(self, event: Any, fault: environment.Malformed) -> Span:
        """The place of a part of a scalar: at its offset, or behind it by what the writing adds."""
        start, end = event.start_mark.index + fault.offset, event.end_mark.index
        index = self.source.text.find(fault.text, start, end)
        if index < 0 or "\n" in fault.text:
            return self._span(event, event)
        return Span.at(self.source, index, len(fault.text))

    def _span(self, start: Any, end: Any) -> Span:
        """From the start of an event to the end of the same or another one."""
        line, column = self.source.place(start.start_mark.index)
        end_line, end_column = self.source.place(end.end_mark.index)
        if not isinstance(start, ScalarEvent) and end_line > line:
            return Span.whole_line(self.source, line)
        if (end_line, end_column) == (line, column):  # nothing, such as behind `-`
            end_column += 1
        return Span(self.source, line, column, end_line, end_column)


def _is_merge(event: Any) -> bool:
    """Whether a key is `<<` as it stands, or is told to be one."""
    if not isinstance(event, ScalarEvent):
        return False
    plain = event.value == "<<" and event.implicit[0] and event.tag is None
    return plain or event.tag == f"{PREFIX}merge"


def _is_empty(event: Any) -> bool:
    """Whether there is nothing at all, such as behind `key:`."""
    nothing = event.start_mark.index == event.end_mark.index
    return isinstance(event, ScalarEvent) and bool(nothing)
