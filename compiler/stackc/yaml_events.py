"""YAML's grammar: a text as the events of libyaml, whose faults are told in words of the file."""

import re
from collections.abc import Iterator
from typing import Any

from yaml import CLoader
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import DocumentStartEvent, Event, StreamEndEvent

from stackc.diagnostics import errors
from stackc.diagnostics.report import CompileError
from stackc.source import Source, Span

_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
"""What YAML only takes escaped; the mark of the byte order would be a space that nobody sees."""

_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
)
"""A character in two halves, as JSON writes it, which libyaml does not read."""

_JOINED = re.compile("([\U00010000-\U0010ffff])\0")
_JOINED_AS_WRITTEN = re.compile(r"\\U[0-9a-f]{8}\\0")

_HALF = re.compile(r"[dD][89a-fA-F][0-9a-fA-F]{2}")


class Events:
    """The events of a source, one after the other; raises CompileError at a fault of its form."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._pairs: dict[str, str] = {}
        found = _UNREADABLE.search(source.text)
        if found:
            span = Span.at(source, found.start(), 1)
            raise CompileError([errors.bad_character(span, ord(found[0]))])
        self._loader: Any = CLoader(_PAIR.sub(self._joined, source.text))

    def __iter__(self) -> Iterator[Event]:
        try:
            yield from self._read()
        except MarkedYAMLError as error:
            raise self._fault(error) from None
        except (YAMLError, ValueError) as error:
            problem = str(error).splitlines()[0]
            raise CompileError([errors.bad_yaml(Span.start_of(self._source), problem)]) from None

    def _read(self) -> Iterator[Event]:
        documents = 0
        while not isinstance(event := self._loader.get_event(), StreamEndEvent):
            documents += isinstance(event, DocumentStartEvent)
            if documents > 1:
                span = self._span(event.start_mark)
                raise CompileError([errors.bad_syntax(span, "found another document", None, "")])
            yield event

    def text(self, event: Any) -> str:
        """The text of a scalar as it was meant, where pairs have been joined to read it."""
        text: str = event.value
        if not self._pairs:
            return text
        if event.style == '"':
            return _JOINED.sub(r"\1", text)
        return _JOINED_AS_WRITTEN.sub(lambda match: self._pairs.get(match[0], match[0]), text)

    def _joined(self, match: re.Match[str]) -> str:
        """The same character escaped once and a NUL behind it: as long, so that places stay."""
        character = bytes.fromhex(match[2] + match[3]).decode("utf-16-be")
        joined = f"\\U{ord(character):08x}\\0"
        self._pairs[joined] = match[0].removeprefix(match[1])
        return match[1] + joined

    def _fault(self, error: MarkedYAMLError) -> CompileError:
        place = self._span(error.problem_mark)
        inside = self._span(error.context_mark) if error.context_mark else None
        problem = error.problem or ""
        if "nesting depth" in problem:
            return CompileError([errors.too_large(inside or place)])
        if "escape code" in problem and _HALF.match(self._source.text, error.problem_mark.index):
            problem = "half a character is escaped here"
        return CompileError([errors.bad_syntax(place, problem, inside, error.context or "")])

    def _span(self, mark: Any) -> Span:
        return Span.at(self._source, mark.index, 1)
