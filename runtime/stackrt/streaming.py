"""Server-sent events in both directions, and calls that end when their client goes away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stackrt.errors import ApiError, UpstreamError, bad_gateway, internal_error

log = logging.getLogger(__name__)

T = TypeVar("T")

# Silence after which a comment is sent, in seconds: proxies cut connections that say nothing.
HEARTBEAT = 15.0

# How long a call goes unwatched, in seconds: a watcher costs more than a call that is over by then
# could lose by going on.
PATIENCE = 0.05

DONE = b"data: [DONE]\n\n"
COMMENT = b": \n\n"


def frame(data: bytes) -> bytes:
    """One event. `data` is one line: encoded JSON."""
    return b"data: %b\n\n" % data


class EventStream(Response):
    """An answer of server-sent events, closed by `data: [DONE]` as OpenAI's streams are.

    Llama Stack's own client is the exception: it reads to the end, and would decode `[DONE]`.

    `frames` yields whole events, one or more an item. What it raises becomes a last event with the
    error, and then no [DONE] is sent. It is closed (`aclose`) when the stream is over, or at once
    when the client goes away.
    """

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncIterator[bytes]) -> None:
        self.status_code = 200
        self.background = None
        # Without these, caches and nginx hold events back.
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no"})
        self._frames = frames
        self._silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the stream (ASGI)."""
        heartbeat = asyncio.create_task(self._beat(send))
        try:
            with suppress(ClientDisconnect), CancelledOnDisconnect(receive):
                start = {"status": self.status_code, "headers": self.raw_headers}
                await send({"type": "http.response.start", **start})
                last = await self._send_frames(send)
                if last is DONE and _takes_done_for_json(scope):
                    last = b""
                heartbeat.cancel()
                await send({"type": "http.response.body", "body": last})
        finally:
            heartbeat.cancel()
            await _close(self._frames)

    async def _send_frames(self, send: Send) -> bytes:
        """Sends all frames; the last one is returned: [DONE], or the error that ended them."""
        try:
            async for frames in self._frames:
                self._silent = False
                await send({"type": "http.response.body", "body": frames, "more_body": True})
                # Neither frames that are ready nor a send into room need ever let others run, or
                # let us learn that the client has left.
                await asyncio.sleep(0)
        except ApiError as error:
            return frame(error.body())
        except UpstreamError as error:
            return frame(bad_gateway(str(error)).body())
        except Exception:
            log.exception("a stream failed")
            return frame(internal_error().body())
        return DONE

    async def _beat(self, send: Send) -> None:
        while True:
            self._silent = True
            await asyncio.sleep(HEARTBEAT)
            if self._silent:
                await send({"type": "http.response.body", "body": COMMENT, "more_body": True})


def _takes_done_for_json(scope: Scope) -> bool:
    """Whether the client is llama-stack-client, whose versions before 0.7 fail on `[DONE]`."""
    return any(name == b"x-llamastack-client-version" for name, _ in scope["headers"])


async def until_disconnect(request: Request, call: Awaitable[T]) -> T:
    """What `call` returns; `call` is cancelled if the client of `request` goes away.

    Raises ClientDisconnect, for which no answer is sent.
    """
    with CancelledOnDisconnect(request.receive):
        return await call


class CancelledOnDisconnect:
    """Cancels its block when the client goes away, and then raises ClientDisconnect.

    The request body must have been read: what `receive` says next is that the client has left.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._disconnected = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # we are in a coroutine
        self._task = task
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._start)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._disconnected and kind is asyncio.CancelledError and self._task.uncancel() == 0:
            raise ClientDisconnect from None

    def _start(self) -> None:
        self._watcher = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue
        self._disconnected = True
        self._task.cancel()


class EventParser:
    """Takes server-sent events apart, however the network has cut them.

    Lines end in LF or CRLF; comments and all fields but `data` are skipped (WHATWG HTML standard,
    section 9.2.6, event stream interpretation).
    """

    def __init__(self) -> None:
        self._line = b""
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of each event that `chunk` completes."""
        lines = (self._line + chunk).split(b"\n")
        self._line = lines.pop()
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].strip())
            elif line in {b"", b"\r"}:
                events.append(b"\n".join(self._data))
                self._data.clear()
        # An event without data is none: comments end with a blank line too.
        return [event for event in events if event]

    def end(self) -> list[bytes]:
        """The data of an event whose closing blank line never came."""
        return self.feed(b"\n\n")


async def _close(frames: AsyncIterator[bytes]) -> None:
    # Generators have it, other iterators may.
    aclose = getattr(frames, "aclose", None)
    if aclose is not None:
        await aclose()
