"""Tool calls as OpenAI sends them, whole and in pieces."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Literal

from stackrt.engine.calls import Arguments, CallForm, CallParser, CallStart, Content, Event
from stackrt.engine.sequence import FinishReason

Reason = FinishReason | Literal["tool_calls"]


class MessageReader:
    """What of a text is content and what are calls, piece by piece."""

    def __init__(self, form: CallForm | None) -> None:
        """`form` is how the text may have calls; None if it may not."""
        self._parser = None if form is None else CallParser(form)

    def read(self, text: str, end: FinishReason | None) -> list[Event]:
        """What `text` adds to the message, the last of it if there is an `end`."""
        if self._parser is None:
            return [Content(text)] if text else []
        events = self._parser.feed(text)
        return events + self._parser.flush(cut=end == "length") if end else events

    def reason(self, end: FinishReason | None) -> Reason | None:
        """Why the message ends, where its text ends for the reason `end`."""
        calls = self._parser is not None and self._parser.complete
        return "tool_calls" if end == "stop" and calls else end


def message(events: list[Event]) -> dict[str, object]:
    """The whole message of an assistant."""
    content = "".join(event.text for event in events if isinstance(event, Content))
    calls: list[dict[str, object]] = []
    for start in events:
        if isinstance(start, CallStart):
            pieces = (one for one in events if isinstance(one, Arguments))
            arguments = "".join(one.json for one in pieces if one.index == start.index)
            calls.append(_call(start.name, arguments))
    if not calls:
        return {"role": "assistant", "content": content, "refusal": None}
    return {"role": "assistant", "content": content or None, "refusal": None, "tool_calls": calls}


def deltas(events: list[Event]) -> Iterator[dict[str, object]]:
    """What chunks of a stream say of `events`."""
    for event in events:
        if isinstance(event, Content):
            yield {"content": event.text}
        elif isinstance(event, CallStart):
            yield {"tool_calls": [{"index": event.index, **_call(event.name, "")}]}
        else:
            yield {"tool_calls": [{"index": event.index, "function": {"arguments": event.json}}]}


def _call(name: str, arguments: str) -> dict[str, object]:
    return {
        "id": f"call_{uuid.uuid4().hex[:24]}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }
