"""An upstream that always answers the same: `upstream.py PORT`; streams 200 events, one a write."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop

EVENTS = 200
ANSWER = Path(__file__).with_name("answer.json").read_bytes().strip()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event() -> bytes:
    value = json.loads(ANSWER)
    delta = {"index": 0, "delta": {"content": " word"}, "logprobs": None, "finish_reason": None}
    value |= {"object": "chat.completion.chunk", "choices": [delta]}
    del value["usage"]
    return b"data: %b\n\n" % json.dumps(value, separators=(",", ":")).encode()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    plain = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
    event = _chunk(_event())
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if b'"stream":true' not in await reader.readexactly(length):
                writer.write(plain % (len(ANSWER), ANSWER))
                continue
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n"
            )
            for _ in range(EVENTS):
                writer.write(event)
                await asyncio.sleep(0)
            writer.write(_chunk(b"data: [DONE]\n\n") + _chunk(b""))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):
        writer.close()  # the other side has left; uvloop says RuntimeError for it


async def main(port: str) -> None:
    """Serves until it is killed."""
    server = await asyncio.start_server(_serve, "127.0.0.1", int(port), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
