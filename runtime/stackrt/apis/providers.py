"""The Providers API: what the stack is made of, and how each part is doing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Protocol, TypedDict

from starlette.requests import Request
from starlette.responses import Response

from stackrt.body import json_response
from stackrt.errors import not_found

log = logging.getLogger(__name__)

# How long a provider may take to say how it is, in seconds.
HEALTH_TIMEOUT = 2.0


class Health(TypedDict):
    """A provider's state, with a sentence when it is not OK, and what it measures of its work."""

    status: Literal["OK", "Error", "Not Implemented"]
    message: NotRequired[str]
    metrics: NotRequired[Mapping[str, Any]]


class HealthCheck(Protocol):
    """A provider that can say how it is."""

    async def health(self) -> Health:
        """Whether the provider could serve a request now."""
        ...


@dataclass(frozen=True, kw_only=True)
class ProviderInfo:
    """A provider and its configuration as it may be shown: secrets are masked already."""

    api: str
    provider_id: str
    provider_type: str
    config: Mapping[str, Any]


class Providers:
    """The endpoints of the Providers API."""

    def __init__(
        self,
        *,
        infos: Sequence[ProviderInfo],
        providers: Mapping[str, Mapping[str, HealthCheck]],
    ) -> None:
        """`infos` tells of all providers, `providers` has those that are switched on, by API."""
        self._providers = [
            (info, providers[info.api][info.provider_id])
            for info in infos
            if info.provider_id in providers[info.api]
        ]

    async def list_providers(self, request: Request) -> Response:
        """GET /v1/providers: all of them, with their health."""
        data = await asyncio.gather(*(_render(*each) for each in self._providers))
        return json_response({"data": data})

    async def get_provider(self, request: Request) -> Response:
        """GET /v1/providers/{provider_id}: one of them, with its health."""
        provider_id = request.path_params["provider_id"]
        for info, provider in self._providers:
            if info.provider_id == provider_id:
                return json_response(await _render(info, provider))
        raise not_found(f"no provider is called `{provider_id}`", code="provider_not_found")


async def _render(info: ProviderInfo, provider: HealthCheck) -> dict[str, Any]:
    return {
        "api": info.api,
        "provider_id": info.provider_id,
        "provider_type": info.provider_type,
        "config": info.config,
        "health": await _health(info, provider),
    }


async def _health(info: ProviderInfo, provider: HealthCheck) -> Health:
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT):
            return await provider.health()
    except TimeoutError:
        return Health(status="Error", message=f"no answer within {HEALTH_TIMEOUT:g} s")
    except Exception:
        # One provider's fault must not hide how the others are.
        log.exception("the health check of provider `%s` failed", info.provider_id)
        return Health(status="Error", message="the health check failed")
