"""Reading: a distribution's text becomes a tree in which every value knows its place."""

from collections.abc import Iterator
from math import isfinite
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from stackc import environment
from stackc.diagnostics import errors, warnings
from stackc.diagnostics.report import CompileError, Diagnostic, stop_at_errors
from stackc.diagnostics.secrets import names_secret, without_secret
from stackc.source import Source, Span
from stackc.tree import Document, Entry, Mapping, Plain, Scalar, Sequence, Value

MAX_VALUES = 100_000
"""Values in one distribution, aliases expanded; more is an attack or a mistake."""

MAX_DEPTH = 100
"""Levels of nesting, far below what the interpreter's stack holds."""


def load(path: Path) -> Document:
    """Reads a distribution; raises CompileError with every fault of its form."""
    return read(path, _text(path))


def read(path: Path, text: str) -> Document:
    """The document that a text is; `path` is only for the diagnostics."""
    source = Source(path, text)
    node = _compose(source)
    if not isinstance(node, MappingNode):
        raise CompileError([errors.not_a_distribution(Span.start_of(source))])
    builder = _Builder(source)
    root = builder.mapping(node)
    return Document(source, root, stop_at_errors(builder.faults))


def read_plain(source: Source) -> Value | None:
    """The value of a text in which `$` means nothing; None where it is empty.

    Raises CompileError.
    """
    node = _compose(source)
    builder = _Builder(source, expressions=False)
    value = None if node is None else builder.value(node)
    stop_at_errors(builder.faults)
    return value


def _text(path: Path) -> str:
    nothing = Span.start_of(Source(path, ""))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CompileError([errors.unreadable(nothing, error.strerror or str(error))]) from None
    return decoded(path, data)


def decoded(path: Path, data: bytes) -> str:
    """The text of a file; raises CompileError where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        source = Source(path, data.decode("utf-8", "replace"))
        span = Span.at(source, len(data[: error.start].decode()), 1)
        raise CompileError([errors.bad_yaml(span, "the file is not UTF-8")]) from None


def _compose(source: Source) -> Node | None:
    yaml = YAML(typ="rt", pure=True)
    yaml.composer.warn_double_anchors = False  # YAML lets an anchor be set anew
    yaml.max_depth = MAX_DEPTH + 1
    try:
        node: Node | None = yaml.compose(source.text)
        return node
    except MarkedYAMLError as error:
        raise CompileError([_syntax_fault(source, error)]) from None
    except ReaderError as error:
        span = Span.at(source, error.position, 1)
        raise CompileError([errors.bad_character(span, error.character)]) from None
    except (ValueError, OverflowError):
        fault = errors.bad_yaml(Span.start_of(source), "an escape in it stands for no character")
        raise CompileError([fault]) from None
    except (YAMLError, NotImplementedError) as error:
        problem = str(error).splitlines()[0] if str(error) else "it cannot be read"
        raise CompileError([errors.bad_yaml(Span.start_of(source), problem)]) from None


def _syntax_fault(source: Source, error: MarkedYAMLError) -> Diagnostic:
    place = _mark(source, error.problem_mark) or Span.start_of(source)
    inside = _mark(source, error.context_mark)
    if "maximum depth" in str(error):
        return errors.too_large(inside or place, MAX_VALUES, MAX_DEPTH)
    return errors.bad_syntax(place, error.problem or "", inside, error.context or "")


def _mark(source: Source, mark: StringMark | None) -> Span | None:
    if mark is None:
        return None
    line, column = mark.line + 1, mark.column + 1
    return Span(source, line, column, line, column + 1)


class _Builder:
    """Turns composed nodes into values; collects what is wrong on the way."""

    def __init__(self, source: Source, *, expressions: bool = True) -> None:
        self.source = source
        self.faults: list[Diagnostic] = []
        self._expressions = expressions
        self._open: list[Node] = []
        self._count = 0

    def value(self, node: Node, *, secret: bool = False) -> Value:
        self._count += 1
        if self._count > MAX_VALUES or len(self._open) > MAX_DEPTH:
            raise CompileError([errors.too_large(self._span(node), MAX_VALUES, MAX_DEPTH)])
        if isinstance(node, ScalarNode):
            return self._scalar(node, secret)
        if any(node is outer for outer in self._open):
            raise CompileError([errors.bad_yaml(self._span(node), "an alias holds itself")])
        if isinstance(node, SequenceNode):
            return self._sequence(node)
        assert isinstance(node, MappingNode)
        return self.mapping(node)

    def mapping(self, node: MappingNode) -> Mapping:
        self._open.append(node)
        own = [self._entry(key, value) for key, value in node.value if not _is_merge(key)]
        entries: dict[str, Entry] = {}
        for entry in own:
            if entry.key in entries:
                first = entries[entry.key].key_span
                self.faults.append(errors.duplicate_key(entry.key, entry.key_span, first))
            entries.setdefault(entry.key, entry)
        for entry in self._merged(node):
            entries.setdefault(entry.key, entry)
        self._open.pop()
        return Mapping(tuple(entries.values()), self._span(node))

    def _merged(self, node: MappingNode) -> Iterator[Entry]:
        for key, value in node.value:
            if not _is_merge(key):
                continue
            merged = self.value(value)
            for mapping in merged.items if isinstance(merged, Sequence) else (merged,):
                if isinstance(mapping, Mapping):
                    yield from mapping.entries
                else:
                    self.faults.append(errors.bad_yaml(self._span(key), "`<<` takes a mapping"))

    def _sequence(self, node: SequenceNode) -> Sequence:
        self._open.append(node)
        items = tuple(self.value(item) for item in node.value)
        self._open.pop()
        return Sequence(items, self._span(node))

    def _entry(self, key: Node, value: Node) -> Entry:
        span = self._span(key)
        if not isinstance(key, ScalarNode):
            self.faults.append(errors.bad_yaml(span, "a key must be a plain word"))
            return Entry(f"?{span.line}:{span.column}", span, self.value(value))
        name = self._text(key)
        if _is_empty(value):  # its own place is that of whatever comes next
            return Entry(name, span, Scalar(None, "", span))
        return Entry(name, span, self.value(value, secret=names_secret(name)))

    def _scalar(self, node: ScalarNode, secret: bool) -> Scalar:
        value = _plain(node, self._text(node))
        if not isinstance(value, str) or not self._expressions:
            return Scalar(value, node.value, self._span(node))
        parsed, malformed = environment.parse(value)
        for fault in malformed:
            told, place = (
                without_secret(fault, value) if secret else fault,
                self._within(node, fault),
            )
            if fault.old:
                self.faults.append(warnings.old_expression(told, place, fixed=told is fault))
            else:
                self.faults.append(errors.malformed_environment(told, place))
        return Scalar(parsed, value, self._span(node))

    def _text(self, node: ScalarNode) -> str:
        r"""The text of a scalar; a pair such as `\ud83d\ude00`, which JSON writes, is one character."""
        text: str = node.value
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self.faults.append(
                errors.bad_yaml(self._span(node), "half a character is escaped here")
            )
            return text

    def _within(self, node: ScalarNode, fault: environment.Malformed) -> Span:
        """The place of a part of a scalar: at its offset, or behind it by what the writing adds."""
        start, end = node.start_mark.index + fault.offset, node.end_mark.index
        index = self.source.text.find(fault.text, start, end)
        if index < 0 or "\n" in fault.text:
            return self._span(node)
        return Span.at(self.source, index, len(fault.text))

    def _span(self, node: Node) -> Span:
        start, end = node.start_mark, node.end_mark
        span = Span(self.source, start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        if not isinstance(node, ScalarNode) and span.end_line > span.line:
            return Span.whole_line(self.source, span.line)
        return span


def _is_merge(key: Node) -> bool:
    return bool(key.tag == "tag:yaml.org,2002:merge")


def _is_empty(node: Node) -> bool:
    """Whether there is nothing at all, such as behind `key:`."""
    return isinstance(node, ScalarNode) and bool(node.start_mark.index == node.end_mark.index)


def _plain(node: ScalarNode, text: str) -> Plain:
    """The JSON value of a scalar by YAML 1.2's core schema; dates and unknown tags stay text."""
    kind = str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2].lower() in _BASES else 10)
        if kind == "float":
            number = float(text.replace("_", ""))
            return number if isfinite(number) else text
    except ValueError:
        return text
    return text


_BASES = ("0x", "0o", "0b")
