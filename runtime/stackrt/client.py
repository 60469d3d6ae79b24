"""A stack inside this process, behind the official clients of OpenAI and Llama Stack: no port.

Each client has a stack of its own and stops it when it is closed. Answers stream, and a client that
leaves a stream is noticed, as with a server.
"""

# A client is imported where it is asked for: whoever uses one need not have the other installed.

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.types import Message

from stackrt.asgi import Exchange, InProcess

if TYPE_CHECKING:
    from llama_stack_client import AsyncLlamaStackClient, LlamaStackClient
    from openai import AsyncOpenAI, OpenAI

# A URL needs a host; nothing is ever sent there.
URL = "http://stack"


def openai(app: Starlette) -> OpenAI:
    """OpenAI's client of `app`."""
    import httpx2
    from openai import DefaultHttpxClient, OpenAI

    http = DefaultHttpxClient(transport=_transport(httpx2, app))
    return OpenAI(base_url=f"{URL}/v1", api_key="none", http_client=http)


def async_openai(app: Starlette) -> AsyncOpenAI:
    """OpenAI's asynchronous client of `app`."""
    import httpx2
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    http = DefaultAsyncHttpxClient(transport=_async_transport(httpx2, app))
    return AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", http_client=http)


def llama_stack(app: Starlette) -> LlamaStackClient:
    """Llama Stack's client of `app`."""
    import httpx
    from llama_stack_client import DefaultHttpxClient, LlamaStackClient

    http = DefaultHttpxClient(transport=_transport(httpx, app))
    return LlamaStackClient(base_url=URL, http_client=http)


def async_llama_stack(app: Starlette) -> AsyncLlamaStackClient:
    """Llama Stack's asynchronous client of `app`."""
    import httpx
    from llama_stack_client import AsyncLlamaStackClient, DefaultAsyncHttpxClient

    http = DefaultAsyncHttpxClient(transport=_async_transport(httpx, app))
    return AsyncLlamaStackClient(base_url=URL, http_client=http)


def _transport(http: ModuleType, app: Starlette) -> Any:
    """A transport for the clients of `http`, which is httpx or its successor httpx2."""
    return type("Transport", (_Transport, http.BaseTransport), {})(http, InProcess(app))


def _async_transport(http: ModuleType, app: Starlette) -> Any:
    return type("Transport", (_AsyncTransport, http.AsyncBaseTransport), {})(http, InProcess(app))


class _Transport:
    """The methods of httpx's BaseTransport, whichever of the two httpx it is."""

    def __init__(self, http: Any, server: InProcess) -> None:
        self._http = http
        self._server = server
        self._stream = type("Stream", (_Stream, http.SyncByteStream), {})

    def handle_request(self, request: Any) -> Any:
        exchange = _call(self._server, request, request.read())
        start = exchange.next().result()
        return _response(self._http, start, self._stream(exchange))

    def close(self) -> None:
        self._server.stop()


class _AsyncTransport:
    """The methods of httpx's AsyncBaseTransport."""

    def __init__(self, http: Any, server: InProcess) -> None:
        self._http = http
        self._server = server
        self._stream = type("Stream", (_AsyncStream, http.AsyncByteStream), {})

    async def handle_async_request(self, request: Any) -> Any:
        exchange = _call(self._server, request, await request.aread())
        try:
            start = await asyncio.wrap_future(exchange.next())
        except asyncio.CancelledError:
            exchange.close()
            raise
        return _response(self._http, start, self._stream(exchange))

    async def aclose(self) -> None:
        await asyncio.to_thread(self._server.stop)


class _Stream:
    """The body of an answer, piece by piece."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        while (message := self._exchange.next().result()) is not None:
            yield message.get("body", b"")

    def close(self) -> None:
        self._exchange.close().result()


class _AsyncStream:
    """The same for asynchronous clients."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (message := await asyncio.wrap_future(self._exchange.next())) is not None:
            yield message.get("body", b"")

    async def aclose(self) -> None:
        await asyncio.wrap_future(self._exchange.close())


def _call(server: InProcess, request: Any, body: bytes) -> Exchange:
    return server.call(request.method, request.url.raw_path, request.headers.raw, body)


def _response(http: Any, start: Message | None, stream: object) -> Any:
    if start is None:
        raise http.RemoteProtocolError("the stack gave no answer")
    return http.Response(start["status"], headers=start["headers"], stream=stream)
