"""Runs a stack: its settings, one port, Hypercorn on uvloop, and an orderly end."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import NoReturn, TypeVar, cast

import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import Framework
from hypercorn.utils import LifespanFailureError
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stackrt.lifecycle import StartError
from stackrt.settings import Dataclass, SettingsError, read

# How long running requests may go on after SIGTERM, in seconds. Whoever runs the container has a
# limit of its own (Docker 10 s, Kubernetes 30 s), so ours only has to be longer.
GRACE = 3600.0

# How long an idle connection is kept, in seconds: longer than clients and proxies keep theirs, so
# that they never send a request into a connection that is just being closed.
KEEP_ALIVE = 75.0

# How long an answer that comes early waits for the client to send its request, in seconds.
LINGER = 5.0


S = TypeVar("S", bound=Dataclass)


def main(
    build: Callable[[S], Starlette],
    settings: type[S],
    *,
    host: Callable[[S], str],
    port: Callable[[S], int],
) -> NoReturn:
    """Serves `build(settings)` until SIGTERM or SIGINT, then exits with 0.

    `host` and `port` say where, unless the command line does: `0.0.0.0` and `::` are all addresses
    of this machine, port 0 is any free one. Exits with 1, and a line for each problem, if the
    environment or the address is not right.
    """
    arguments = _arguments()
    try:
        values = read(settings, os.environ)
    except SettingsError as error:
        _fail(*error.problems)
    listener = _bind(
        host(values) if arguments.host is None else arguments.host,
        port(values) if arguments.port is None else arguments.port,
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        app = build(values)
    except StartError as error:
        _fail(f"the stack could not start: {error}")
    # Measured at a seventh of the time of a request: what is built stays, so the collector need
    # not look at it, and a request makes few cycles, so it need not look often.
    gc.freeze()
    gc.set_threshold(10_000)
    try:
        uvloop.run(_serve(app, listener))
    except LifespanFailureError as error:
        _fail(f"the stack could not start: {error}")
    sys.exit(0)


def server_config(bind: str) -> Config:
    """Hypercorn's configuration for a stack that listens on `bind`."""
    config = Config()
    config.bind = [bind]
    config.backlog = 1024
    config.errorlog = logging.getLogger("hypercorn.error")
    config.graceful_timeout = GRACE
    config.include_server_header = False
    config.keep_alive_max_requests = sys.maxsize
    config.keep_alive_timeout = KEEP_ALIVE
    return config


def reads_to_the_end(app: ASGIApp) -> Framework:
    """`app`, with what it leaves unread of a request taken in and thrown away.

    Hypercorn closes a connection that is answered before its request is read (a 404, a 413), and a
    client that is still writing then finds a broken pipe in place of the answer.
    """

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        unread = scope["type"] == "http"

        async def receiving() -> Message:
            nonlocal unread
            message = await receive()
            unread = message.get("more_body", False)
            return message

        async def sending(message: Message) -> None:
            nonlocal unread
            if unread:
                unread = False
                await asyncio.wait({asyncio.create_task(_discard(receive))}, timeout=LINGER)
            await send(message)

        await app(scope, receiving, sending)

    return cast(Framework, wrapped)  # Starlette and Hypercorn spell ASGI's types differently


async def _discard(receive: Receive) -> None:
    while (await receive()).get("more_body", False):
        continue


async def _serve(app: Starlette, listener: socket.socket) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, _on_signal, number, stop)
    config = server_config(f"fd://{listener.fileno()}")
    await serve(reads_to_the_end(app), config, shutdown_trigger=stop.wait)


def _on_signal(number: signal.Signals, stop: asyncio.Event) -> None:
    """The first signal lets running requests finish; the second ends the process at once."""
    if stop.is_set():
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    stop.set()


def _bind(host: str, port: int) -> socket.socket:
    """A socket that is bound but not listening: until the stack is ready, nobody waits on it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        _fail(f"cannot listen on {host} port {port}: {error.strerror}")
    return listener


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", help="the address to listen on")
    parser.add_argument("--port", type=int, help="the port to listen on")
    return parser.parse_args()


def _fail(*problems: str) -> NoReturn:
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1)
