"""How models write calls of tools into their texts, and a parser of such texts as they arrive."""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass

from stackrt.engine.stop import overlap


@dataclass(frozen=True, kw_only=True)
class CallForm:
    """The text of calls: `opening`, calls with `separator` between them, `closing`.

    A call is `before`, its name, `between`, its arguments as a JSON object, `after`. Where a form
    has no `separator`, there is one call at most. `marker` is what sets calls apart from the text
    before them; without one, a text is either all text or a call, which begins with a brace.
    """

    opening: str = ""
    before: str
    between: str
    after: str
    separator: str | None
    closing: str = ""
    marker: str | None

    @property
    def trigger(self) -> str:
        """What makes a text one of calls."""
        return self.marker or self.opening + self.before

    def call(self, name: str, arguments: str) -> str:
        """One call as it is written."""
        return f"{self.before}{name}{self.between}{arguments}{self.after}"


# Hermes function calling (Nous Research), which Qwen2.5 and Qwen3 follow.
HERMES = CallForm(
    before='<tool_call>\n{"name": "',
    between='", "arguments": ',
    after="}\n</tool_call>",
    separator="\n",
    marker="<tool_call>",
)

# Llama 3.1 and 3.2, JSON based tool calling (Llama model cards, prompt formats).
LLAMA = CallForm(
    before='{"name": "', between='", "parameters": ', after="}", separator=None, marker=None
)

# Mistral 7B v0.3 and later (mistral-common, instruct tokenizer v3).
MISTRAL = CallForm(
    opening="[TOOL_CALLS] [",
    before='{"name": "',
    between='", "arguments": ',
    after="}",
    separator=", ",
    closing="]",
    marker="[TOOL_CALLS]",
)


@dataclass(frozen=True, slots=True)
class Content:
    """Text that is no call."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStart:
    """Call number `index` of the text begins; it calls `name`."""

    index: int
    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """The next piece of the arguments of call number `index`, which are JSON."""

    index: int
    json: str


Event = Content | CallStart | Arguments

# What in JSON changes where one is: the end of a string, an escape in it, nesting.
_IN_STRING = re.compile(r'["\\]')
_OUTSIDE = re.compile(r'["{}\[\]]')

Steps = Generator[Event | None, None, None]


class CallParser:
    """Takes apart a text that keeps to a grammar of calls in `form`, wherever the pieces are cut.

    Markers are never part of what it gives, and white space before them neither.
    """

    def __init__(self, form: CallForm) -> None:
        self._form = form
        self._buffer = ""
        self._calls = 0
        self._in_text = True
        self._in_call = False
        self._steps = self._parse()

    @property
    def complete(self) -> bool:
        """Whether there are calls, and all of them have their arguments."""
        return self._calls > 0 and not self._in_call

    def feed(self, text: str) -> list[Event]:
        """What `text`, which follows what was fed before, adds."""
        self._buffer += text
        return list(iter(lambda: next(self._steps), None))

    def flush(self, *, cut: bool) -> list[Event]:
        """What is held back at the end; where a text is `cut`, without the start of a marker."""
        held, self._buffer = self._buffer, ""
        if not self._in_text:
            return []
        if cut and self._form.marker is not None:
            held = held[: len(held) - overlap(held, self._form.marker)]
        return [Content(held)] if held else []

    def _parse(self) -> Steps:
        """Events, and None where more text is needed; without end."""
        form = self._form
        yield from self._text()
        yield from self._literal(form.opening + form.before)
        while True:
            while '"' not in self._buffer:
                yield None
            name = self._take(self._buffer.index('"'))
            index, self._calls, self._in_call = self._calls, self._calls + 1, True
            yield CallStart(index, name)
            yield from self._literal(form.between)
            yield from self._arguments(index)
            self._in_call = False
            yield from self._literal(form.after + (form.separator or "") + form.before)

    def _take(self, count: int) -> str:
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def _literal(self, text: str) -> Steps:
        """Passes over `text`, which the grammar has here."""
        while len(self._buffer) < len(text):
            yield None
        self._take(len(text))

    def _text(self) -> Steps:
        """Content up to the first call."""
        trigger = self._form.trigger
        while not self._form.marker and len(self._buffer) < len(trigger):
            if not trigger.startswith(self._buffer):
                break
            yield None
        only_text = not self._form.marker and not self._buffer.startswith(trigger)
        while only_text or trigger not in self._buffer:
            content = self._take(len(self._buffer) if only_text else self._certain(trigger))
            if content:
                yield Content(content)
            yield None
        content = self._take(self._buffer.index(trigger)).rstrip()
        if content:
            yield Content(content)
        self._in_text = False

    def _certain(self, marker: str) -> int:
        """How much of the text cannot belong to a marker or the white space before it."""
        text = self._buffer
        return len(text[: len(text) - overlap(text, marker)].rstrip())

    def _arguments(self, index: int) -> Steps:
        """A JSON object, up to the brace that closes it."""
        depth = 0
        in_string = False
        while True:
            start = 0
            while found := (_IN_STRING if in_string else _OUTSIDE).search(self._buffer, start):
                character, start = found[0], found.end()
                if character == "\\":
                    start += 1
                elif character == '"':
                    in_string = not in_string
                else:
                    depth += 1 if character in "{[" else -1
                if depth == 0:
                    break
            # An escape is given whole, with the character behind it.
            whole = min(start, len(self._buffer))
            ended = found is not None
            split = start > len(self._buffer)
            piece = self._take(whole if ended else len(self._buffer) - split)
            if piece:
                yield Arguments(index, piece)
            if ended:
                return
            yield None
