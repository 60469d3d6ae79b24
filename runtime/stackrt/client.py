"""A stack inside this process, behind the official clients of OpenAI and Llama Stack.

The stack runs in a thread and listens on a Unix socket that only this user can reach; each client
has a stack of its own and stops it when it is closed. To the stack it is a server like any other:
answers stream, and a client that leaves is noticed.
"""

# A client is imported where it is asked for: whoever uses one need not have the other installed.

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop
from hypercorn.asyncio import serve
from starlette.applications import Starlette

from stackrt.serve import reads_to_the_end, server_config

if TYPE_CHECKING:
    from llama_stack_client import AsyncLlamaStackClient, LlamaStackClient
    from openai import AsyncOpenAI, OpenAI

# A URL needs a host; the socket decides where requests go.
URL = "http://stack"


class PrivateServer:
    """Serves `app` on a Unix socket at `path`, from the moment that it is made until `stop`."""

    def __init__(self, app: Starlette) -> None:
        self._folder = tempfile.mkdtemp(prefix="stack-")
        self.path = str(Path(self._folder) / "socket")
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._stopping = asyncio.Event()
        # A daemon: a client that is never closed must not keep its process from ending.
        self._thread = threading.Thread(target=self._run, args=(app,), daemon=True)
        self._thread.start()
        self._loop = self._ready.result()

    def stop(self) -> None:
        """Ends the lifespan of the stack, and returns when that is done."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, app: Starlette) -> None:
        config = server_config(f"unix:{self.path}")
        try:
            uvloop.run(serve(reads_to_the_end(app), config, shutdown_trigger=self._until_stopped))
        except BaseException as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)

    async def _until_stopped(self) -> None:
        # Hypercorn waits for this once it accepts connections.
        self._ready.set_result(asyncio.get_running_loop())
        await self._stopping.wait()


def openai(app: Starlette) -> OpenAI:
    """OpenAI's client of `app`."""
    from httpx2 import HTTPTransport
    from openai import DefaultHttpxClient, OpenAI

    class Transport(HTTPTransport):
        def close(self) -> None:
            super().close()
            server.stop()

    server = PrivateServer(app)
    http = DefaultHttpxClient(transport=Transport(uds=server.path))
    return OpenAI(base_url=f"{URL}/v1", api_key="none", http_client=http)


def async_openai(app: Starlette) -> AsyncOpenAI:
    """OpenAI's asynchronous client of `app`."""
    from httpx2 import AsyncHTTPTransport
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    class Transport(AsyncHTTPTransport):
        async def aclose(self) -> None:
            await super().aclose()
            await asyncio.to_thread(server.stop)

    server = PrivateServer(app)
    http = DefaultAsyncHttpxClient(transport=Transport(uds=server.path))
    return AsyncOpenAI(base_url=f"{URL}/v1", api_key="none", http_client=http)


def llama_stack(app: Starlette) -> LlamaStackClient:
    """Llama Stack's client of `app`."""
    from httpx import HTTPTransport
    from llama_stack_client import DefaultHttpxClient, LlamaStackClient

    class Transport(HTTPTransport):
        def close(self) -> None:
            super().close()
            server.stop()

    server = PrivateServer(app)
    http = DefaultHttpxClient(transport=Transport(uds=server.path))
    return LlamaStackClient(base_url=URL, http_client=http)


def async_llama_stack(app: Starlette) -> AsyncLlamaStackClient:
    """Llama Stack's asynchronous client of `app`."""
    from httpx import AsyncHTTPTransport
    from llama_stack_client import AsyncLlamaStackClient, DefaultAsyncHttpxClient

    class Transport(AsyncHTTPTransport):
        async def aclose(self) -> None:
            await super().aclose()
            await asyncio.to_thread(server.stop)

    server = PrivateServer(app)
    http = DefaultAsyncHttpxClient(transport=Transport(uds=server.path))
    return AsyncLlamaStackClient(base_url=URL, http_client=http)
