"""Edits that write one scalar of a distribution anew, and are sure to change nothing else.

A scalar is looked up among the tokens of the text; where it does not stand as it is expected to,
there is no edit. Nor is there one in a text with aliases, where a place may stand for several.
"""

import json
import re
from bisect import bisect
from dataclasses import dataclass
from functools import lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.tokens import (
    AliasToken,
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
    ScalarToken,
    Token,
)

from stackc.diagnostics.report import Edit
from stackc.source import Span


@dataclass(frozen=True)
class _Written:
    """A scalar as it is written; `style` is its quote, `|` or `>`, and "" where it is plain."""

    start: int
    end: int
    value: str
    style: str
    in_flow: bool


def respelt(span: Span, old: str, new: str) -> tuple[Edit, ...]:
    """The edit of a text `old` to `new`, in the same quotes where it has any."""
    written = _scalar(span)
    if written is None or written.value != old or "$" in new:  # `$` may begin an expression
        return ()
    return (Edit(span, _spelling(new, written.style)),)


def replaced(span: Span, old: str, new: str) -> tuple[Edit, ...]:
    """The edit of a scalar that reads `old`, with its quotes, to the YAML `new`."""
    written = _scalar(span)
    return (Edit(span, new),) if written and written.value == old else ()


def part_replaced(span: Span, old: str, new: str) -> tuple[Edit, ...]:
    """The edit of a part of a scalar; one that holds `{` needs quotes inside `{}` and `[]`."""
    start, end = span.range
    written = _around(span.source.text, start)
    if written is None or end > written.end or span.text != old:
        return ()
    if not written.in_flow or written.style:
        return (Edit(span, new),)
    return (Edit(span, json.dumps(new)),) if (start, end) == (written.start, written.end) else ()


def _scalar(span: Span) -> _Written | None:
    """The scalar that stands at a place, on one line and with nothing before it."""
    written = _around(span.source.text, span.range[0])
    if written is None or span.line != span.end_line or written.style in ("|", ">"):
        return None
    return written if (written.start, written.end) == span.range else None


def _around(text: str, index: int) -> _Written | None:
    scalars, starts = _scalars(text)
    at = bisect(starts, index) - 1
    return scalars[at] if at >= 0 and index < scalars[at].end else None


@lru_cache(maxsize=2)
def _scalars(text: str) -> tuple[list[_Written], list[int]]:
    """Every scalar of a text, and where each starts; none where there are aliases."""
    try:
        tokens: list[Token] = list(YAML(typ="safe", pure=True).scan(text))
    except YAMLError:
        return [], []
    if any(isinstance(token, AliasToken) for token in tokens):
        return [], []
    found, depth = [], 0
    for token in tokens:
        depth += isinstance(token, FlowMappingStartToken | FlowSequenceStartToken)
        depth -= isinstance(token, FlowMappingEndToken | FlowSequenceEndToken)
        if isinstance(token, ScalarToken):
            found.append(_written(token, in_flow=depth > 0))
    return found, [each.start for each in found]


def _written(token: ScalarToken, *, in_flow: bool) -> _Written:
    start, end = token.start_mark.index, token.end_mark.index
    return _Written(start, end, token.value, token.style or "", in_flow)


def _spelling(text: str, style: str) -> str:
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    if not style and _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./@+-]|:(?=[A-Za-z0-9_./:]))*")
_NO_TEXT = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")
"""Plain words that are no text, or none to a reader of another version of YAML."""
