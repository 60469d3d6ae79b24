"""A reason as data, and as text: what is said, where it was written, and what is behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stackc.source import Span


@dataclass(frozen=True)
class Reason:
    """One link of a chain: `because` holds the reasons of the link itself."""

    text: str
    place: Span | None = None
    because: tuple["Reason", ...] = ()


@dataclass(frozen=True)
class Answer:
    """What is known of one thing: `told` is the headline, the reasons stand beside each other."""

    kind: str
    name: str
    told: str
    reasons: tuple[Reason, ...]


def text(answer: Answer) -> str:
    """The answer as lines: a reason stands under what it is the reason of."""
    links = (line for reason in answer.reasons for line in _lines(reason, "  "))
    return "\n".join([answer.told, *links]) + "\n"


def _lines(reason: Reason, indent: str) -> Iterator[str]:
    place = f" ({file_and_line(reason.place)})" if reason.place else ""
    yield f"{indent}<- {reason.text}{place}"
    for each in reason.because:
        yield from _lines(each, f"{indent}   ")


def file_and_line(place: Span) -> str:
    """A place as one can click it."""
    return f"{place.source.path}:{place.line}"


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer for programs."""
    return {
        "kind": answer.kind,
        "name": answer.name,
        "told": answer.told,
        "because": [_reason_json(each) for each in answer.reasons],
    }


def _reason_json(reason: Reason) -> dict[str, Any]:
    place = reason.place
    return {
        "text": reason.text,
        "file": str(place.source.path) if place else None,
        "line": place.line if place else None,
        "because": [_reason_json(each) for each in reason.because],
    }
