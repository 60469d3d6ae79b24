"""Opens what a stack is made of before the first request, and closes it after the last."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Protocol

from starlette.applications import Starlette


class StartError(RuntimeError):
    """The stack cannot start as long as the message holds; whoever runs the stack can change it."""


class Resource(Protocol):
    """Something that holds threads, connections or memory while the stack runs."""

    async def open(self) -> None:
        """Gets ready to serve. Does not need the network."""
        ...

    async def close(self) -> None:
        """Lets go of everything; called once for every `open` that succeeded."""
        ...


def lifespan(
    *resources: Resource,
) -> Callable[[Starlette], AbstractAsyncContextManager[None]]:
    """Starlette's `lifespan`: opens `resources` in order and closes them in reverse."""

    @asynccontextmanager
    async def run(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            for resource in resources:
                await resource.open()
                opened.push_async_callback(resource.close)
            yield

    return run
