"""Carries results from the thread that makes them to the coroutine that awaits them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

# Results that may wait for a slow consumer before the producer is asked to pause.
CAPACITY = 128


class Outbox(Generic[T]):
    """A queue from one thread to one coroutine of the event loop it is made on.

    The producer never blocks: it asks `ready` before it makes more, and goes elsewhere if the
    consumer is behind or gone. `changed` is called when that answer changes.
    """

    def __init__(self, changed: Callable[[], None], *, capacity: int = CAPACITY) -> None:
        self._changed = changed
        self._capacity = capacity
        self._items: deque[T | Exception] = deque()
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._lock = threading.Lock()
        self._behind = False
        self.closed = False

    @property
    def ready(self) -> bool:
        """Whether the consumer keeps up; once it does not, not before it has taken half."""
        return not self._behind and not self.closed

    def put(self, item: T | Exception) -> None:
        """Hands over a result, or the error that ends them. For the producer."""
        with self._lock:
            self._items.append(item)
            self._behind = len(self._items) >= self._capacity
        try:
            self._loop.call_soon_threadsafe(self._arrived.set)
        except RuntimeError:  # The loop is closed, and so the consumer is gone.
            self.closed = True

    async def get(self) -> T:
        """The next result; raises the error that stands in its place. For the consumer."""
        while not self._items:
            self._arrived.clear()
            await self._arrived.wait()
        item = self._take()
        if isinstance(item, Exception):
            raise item
        return item

    def _take(self) -> T | Exception:
        with self._lock:
            item = self._items.popleft()
            caught_up = self._behind and len(self._items) <= self._capacity // 2
            if caught_up:
                self._behind = False
        if caught_up:
            self._changed()
        return item

    def close(self) -> None:
        """Tells the producer that nobody waits any more."""
        self.closed = True
        self._changed()
