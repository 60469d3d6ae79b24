"""A request in the making, as its consumer sees it."""

from __future__ import annotations

from stackrt.engine.outbox import Outbox
from stackrt.engine.sequence import Output


class Generation:
    """Iterates over what the sequences of one request produce, until the last has ended.

    Sequences whose generation is cancelled, or dropped without a word, are not worked on any
    further. Iteration raises the ApiError of a sequence that failed.
    """

    def __init__(self, outbox: Outbox[Output], *, sequences: int) -> None:
        self._outbox = outbox
        self._running = sequences

    def __aiter__(self) -> Generation:
        return self

    async def __anext__(self) -> Output:
        if not self._running:
            raise StopAsyncIteration
        output = await self._outbox.get()
        self._running -= output.finish_reason is not None
        return output

    def cancel(self) -> None:
        """Ends what is not finished. May be called again, and when all is finished."""
        self._outbox.close()

    def __del__(self) -> None:
        # A stream that is closed before its first item never reaches its `finally`.
        self.cancel()
