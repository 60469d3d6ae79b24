"""The Inspect API: what a stack says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from stackrt.body import json_response


@dataclass(frozen=True)
class RouteInfo:
    """A route, and the types of the providers that serve it."""

    route: str
    method: str
    provider_types: Sequence[str]


class Inspect:
    """The endpoints of the Inspect API, and the OpenAPI document."""

    def __init__(self, *, routes: Sequence[RouteInfo], version: str, openapi: Path) -> None:
        self._routes = routes
        self._version = version
        self._openapi = openapi

    async def health(self, request: Request) -> Response:
        """GET /v1/health: answers as long as the process does."""
        return Response(b'{"status":"OK"}', media_type="application/json")

    async def version(self, request: Request) -> Response:
        """GET /v1/version: the version of the stack."""
        return json_response({"version": self._version})

    async def routes(self, request: Request) -> Response:
        """GET /v1/inspect/routes: all routes."""
        return json_response({"data": [asdict(route) for route in self._routes]})

    async def openapi_json(self, request: Request) -> Response:
        """GET /openapi.json: the OpenAPI document."""
        document = await asyncio.to_thread(self._openapi.read_bytes)
        return Response(document, media_type="application/json")
