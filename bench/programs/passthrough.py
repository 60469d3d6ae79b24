"""The smallest pass-through that one would write by hand: `passthrough.py UPSTREAM PORT`.

It checks nothing, renames nothing and notices no client that leaves. What it has in common with a
generated gateway is what both are made of: Starlette, Hypercorn, uvloop, and the HTTP client.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

HEADERS = {"content-type": "application/json", "authorization": "Bearer bench"}


async def main(upstream: str, port: str) -> None:
    """Serves until it is killed."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def chat(request: Request) -> Response:
            body = await request.body()
            if b'"stream":true' in body:
                return StreamingResponse(stream(body), media_type="text/event-stream")
            async with session.post(url, data=body, headers=HEADERS) as answer:
                content = await answer.read()
                return Response(content, answer.status, media_type="application/json")

        async def stream(body: bytes) -> AsyncIterator[bytes]:
            async with session.post(url, data=body, headers=HEADERS) as answer:
                async for part in answer.content.iter_any():
                    yield part

        async def health(request: Request) -> Response:
            return Response('{"status":"OK"}', media_type="application/json")

        url = f"{upstream}/v1/chat/completions"
        app = Starlette(
            routes=[
                Route("/v1/chat/completions", chat, methods=["POST"]),
                Route("/v1/health", health),
            ]
        )
        config = Config()
        config.bind = [f"127.0.0.1:{port}"]
        config.keep_alive_max_requests = sys.maxsize
        await serve(app, config)  # type: ignore[arg-type]  # two spellings of ASGI's types


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
