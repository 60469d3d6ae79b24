"""An application inside this process: a thread runs it, and requests reach it as ASGI calls."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import unquote

import uvloop
from starlette.applications import Starlette
from starlette.types import Message, Scope

log = logging.getLogger(__name__)

Headers = Sequence[tuple[bytes, bytes]]

T = TypeVar("T")


class InProcess:
    """Runs `app` on an event loop in a thread, from the moment that it is made until `stop`.

    Raises what the lifespan of the application raises when it starts.
    """

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._stopping = asyncio.Event()
        # A daemon: a client that is never closed must not keep its process from ending.
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._loop = self._ready.result()

    def call(self, method: str, target: bytes, headers: Headers, body: bytes) -> Exchange:
        """Sends a request; `target` is the path, with the query behind a question mark."""
        path, _, query = target.partition(b"?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path.decode()),
            "raw_path": path,
            "query_string": query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in headers],
            "client": None,
            "server": None,
        }
        return Exchange(self, scope, body)

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Runs a coroutine on the loop of the application."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def stop(self) -> None:
        """Ends the lifespan of the application, and returns when that is done."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self) -> None:
        try:
            uvloop.run(self._live())
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _live(self) -> None:
        async with self._app.router.lifespan_context(self._app):
            self._ready.set_result(asyncio.get_running_loop())
            await self._stopping.wait()

    async def answer(self, scope: Scope, exchange: Exchange) -> None:
        """Calls the application; what it raises after its answer is logged, as a server does."""
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("a request failed")
        finally:
            await exchange.finish()


class Exchange:
    """One request and its answer. The application waits until what it sent has been taken."""

    def __init__(self, server: InProcess, scope: Scope, body: bytes) -> None:
        self._server = server
        self._body: bytes | None = body
        self._sent: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=1)
        self._left = asyncio.Event()
        self._task = server.submit(server.answer(scope, self))

    def next(self) -> Future[Message | None]:
        """The next message of the answer, its start first; None when there are no more."""
        return self._server.submit(self._sent.get())

    def close(self) -> Future[None]:
        """Goes away, whether the answer is over or not."""
        return self._server.submit(self._leave())

    async def receive(self) -> Message:
        """ASGI's receive: the whole body at once, then that the client went away."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI's send; what nobody waits for any more is dropped."""
        if not self._left.is_set():
            await self._sent.put(message)

    async def finish(self) -> None:
        """Tells the client that there is no more."""
        if not self._left.is_set():
            await self._sent.put(None)

    async def _leave(self) -> None:
        self._left.set()
        while not self._sent.empty():  # somebody may be waiting to put
            self._sent.get_nowait()
