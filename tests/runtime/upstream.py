"""A small server of OpenAI's API whose behaviour is the name of the model that it is asked for."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "the-model-itself",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "é"}, "finish_reason": "stop"}
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "the-model-itself",
    "choices": [{"index": 0, "delta": {"content": "é"}, "finish_reason": None}],
}


@dataclass
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Upstream:
    """Serves from a thread until `stop`; remembers what it was asked and who left early."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.left_early = threading.Semaphore(0)
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0)
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def stop(self) -> None:
        """Stops to answer; what is open stays open until the process ends."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def last(self) -> Seen:
        """The latest request."""
        return self.requests[-1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while seen := await _request(reader):
                self.requests.append(seen)
                await self._answer(seen, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left_early.release()
        finally:
            writer.close()

    async def _answer(
        self, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if seen.path == "/v1/models":
            models = {"object": "list", "data": [{"id": "live"}, {"id": "live-embedding"}]}
            return await _send(writer, 200, models)
        if seen.path == "/v1/embeddings":
            vectors = {"object": "list", "model": "e", "data": [{"index": 0, "embedding": [0.5]}]}
            return await _send(writer, 200, vectors)
        behaviour = BEHAVIOURS.get(seen.body["model"], _stream if seen.body.get("stream") else _ok)
        return await behaviour(seen, reader, writer)


Behaviour = Callable[[Seen, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except asyncio.IncompleteReadError:
        return None  # an idle connection that was closed
    method, path, _ = head[0].split(" ")
    headers = {
        name.lower(): value for name, value in (line.split(": ", 1) for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, json.loads(body) if body else None)


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: Any,
    *,
    content_type: str = "application/json",
    headers: str = "",
    length: int | None = None,
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n{headers}"
        f"content-length: {len(data) if length is None else length}\r\n\r\n"
    )
    writer.write(head.encode() + data)
    await writer.drain()


async def _start(writer: asyncio.StreamWriter) -> None:
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    await writer.drain()


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


def event(value: object) -> bytes:
    """An event as OpenAI sends it."""
    return b"data: %b\n\n" % json.dumps(value, ensure_ascii=False).encode()


async def _ok(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 200, ANSWER)


async def _stream(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _start(writer)
    for _ in range(3):
        await _chunk(writer, event(CHUNK))
    await _chunk(writer, b"data: [DONE]\n\n")
    await _chunk(writer, b"")


async def _odd_stream(
    seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """CRLF, comments, `event:` lines, characters cut in two, and neither blank line nor [DONE]."""
    whole = event(CHUNK).replace(b"\n", b"\r\n")
    text = b": hello\r\n\r\nevent: message\r\n" + whole + event(CHUNK).rstrip(b"\n")
    await _start(writer)
    for position in range(0, len(text), 7):
        await _chunk(writer, text[position : position + 7])
    await _chunk(writer, b"")


async def _slow(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Ten events in a second."""
    await _start(writer)
    for _ in range(10):
        await _chunk(writer, event(CHUNK))
        await asyncio.sleep(0.1)
    await _chunk(writer, b"data: [DONE]\n\n")
    await _chunk(writer, b"")


async def _endless(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One event, and then nothing until the other side leaves."""
    await _start(writer)
    await _chunk(writer, event(CHUNK))
    await reader.readexactly(1)


async def _never(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(1)


async def _drop(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _start(writer)
    await _chunk(writer, event(CHUNK))
    writer.transport.abort()


async def _short(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 200, ANSWER, length=10_000)
    writer.close()


async def _garbage(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if not seen.body.get("stream"):
        return await _send(writer, 200, b"<html>")
    await _start(writer)
    await _chunk(writer, event(CHUNK) + b"data: <html>\n\n")
    return await _chunk(writer, b"")


async def _json(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 200, ANSWER)


async def _unauthorized(
    seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Tells the caller its own key, as some servers do."""
    key = seen.headers["authorization"]
    await _send(writer, 401, {"error": {"message": f"wrong: {key}", "code": "invalid_api_key"}})


async def _busy(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 429, {"error": {"message": "later"}}, headers="retry-after: 7\r\n")


async def _broken(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 500, b"<h1>oops</h1>", content_type="text/html")


async def _redirect(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _send(writer, 307, b"", headers="location: http://127.0.0.1:1/v1\r\n")


async def _stale(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the first request on a connection, and hangs up on the second."""
    if getattr(writer, "used", False):
        return writer.transport.abort()
    writer.used = True  # type: ignore[attr-defined]  # a mark on this connection
    return await _send(writer, 200, ANSWER)


BEHAVIOURS: dict[str, Behaviour] = {
    "broken": _broken,
    "busy": _busy,
    "drop": _drop,
    "endless": _endless,
    "garbage": _garbage,
    "json": _json,
    "never": _never,
    "odd": _odd_stream,
    "redirect": _redirect,
    "short": _short,
    "slow": _slow,
    "stale": _stale,
    "unauthorized": _unauthorized,
}
