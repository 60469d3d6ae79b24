"""Finds stop strings in text that arrives in pieces, and holds back what may become one."""

from __future__ import annotations

from collections.abc import Sequence


class StopMatcher:
    """Lets text through up to the first stop string, wherever the pieces are cut."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.matched = False

    def feed(self, text: str) -> str:
        """What of the text so far is certain to stand before any stop string."""
        text = self._held + text
        start = self._find(text)
        if start is not None:
            self.matched = True
            self._held = ""
            return text[:start]
        safe = len(text) - max((overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[safe:]
        return text[:safe]

    def flush(self) -> str:
        """The text still held back, when no more will come."""
        held, self._held = self._held, ""
        return held

    def _find(self, text: str) -> int | None:
        """Start of the stop string that is complete first; of two that end together, the longer."""
        found = [
            (start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0
        ]
        return min(found)[1] if found else None


def overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with and is longer than."""
    start = text.find(stop[0], max(0, len(text) - len(stop) + 1))
    while start >= 0:
        if stop.startswith(text[start:]):
            return len(text) - start
        start = text.find(stop[0], start + 1)
    return 0
