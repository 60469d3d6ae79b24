"""What an engine tells about its work: how much waits, how much was done, how fast."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass

# The span over which speeds are averaged, in seconds.
WINDOW = 10.0


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """The state of a language model. Counts of tokens are since the start of the process."""

    slots: int
    active: int
    waiting: int
    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    generated_tokens_per_second: float


class Meter:
    """Counts tokens. For one thread that counts and any that read."""

    def __init__(self) -> None:
        self._prompt = 0
        self._cached = 0
        self._generated = 0
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, int]] = deque()

    def prompt(self, tokens: int, *, cached: int) -> None:
        """Counts a prompt that is read, `cached` of its `tokens` without computing."""
        self._prompt += tokens
        self._cached += cached

    def generated(self, tokens: int) -> None:
        """Counts the tokens of one step."""
        now = time.monotonic()
        self._generated += tokens
        with self._lock:
            self._recent.append((now, tokens))
            while self._recent[0][0] < now - WINDOW:
                self._recent.popleft()

    def read(self, *, slots: int, active: int, waiting: int) -> Metrics:
        """The counts beside what the scheduler knows."""
        since = time.monotonic() - WINDOW
        with self._lock:
            recent = sum(tokens for when, tokens in self._recent if when >= since)
        return Metrics(
            slots=slots,
            active=active,
            waiting=waiting,
            prompt_tokens=self._prompt,
            cached_tokens=self._cached,
            generated_tokens=self._generated,
            generated_tokens_per_second=round(recent / WINDOW, 1),
        )
