"""Places in a source file: what every value knows of where it was written."""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path


@dataclass(frozen=True, order=True)
class Source:
    """A text file, and the name that diagnostics call it by, which tells it from others."""

    path: Path
    text: str = field(repr=False, compare=False)

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends; a column counts characters of these."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def index(self, line: int, column: int) -> int:
        """Where a place is in the text; behind the last line that is its end."""
        starts = self._starts
        start = starts[line - 1] if line <= len(starts) else len(self.text)
        return min(start + column - 1, len(self.text))

    def place(self, index: int) -> tuple[int, int]:
        """The line and the column of a character of the text."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    @cached_property
    def _starts(self) -> list[int]:
        """Where each line starts in the text."""
        if "\r" not in self.text:
            return [0, *accumulate(len(line) + 1 for line in self.lines)]
        return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of a source: lines and columns count from 1, `end_column` is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def range(self) -> tuple[int, int]:
        """Where it starts in the text, and where it ends."""
        source = self.source
        return source.index(self.line, self.column), source.index(self.end_line, self.end_column)

    @property
    def text(self) -> str:
        """What is written there."""
        start, end = self.range
        return self.source.text[start:end]

    @classmethod
    def whole_line(cls, source: Source, line: int) -> "Span":
        """The text of one line, without its indent."""
        text = source.lines[line - 1] if line <= len(source.lines) else ""
        start = len(text) - len(text.lstrip()) + 1
        return cls(source, line, start, line, max(start + 1, len(text.rstrip()) + 1))

    @classmethod
    def at(cls, source: Source, index: int, length: int) -> "Span":
        """The characters of one line from an index of the text on."""
        line, column = source.place(index)
        return cls(source, line, column, line, column + length)

    @classmethod
    def start_of(cls, source: Source) -> "Span":
        """The first character of the file: for what is missing from the whole of it."""
        return cls(source, 1, 1, 1, 2)
