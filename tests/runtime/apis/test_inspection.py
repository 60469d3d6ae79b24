"""What a stack says of itself: routes, version, document, providers and their health."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from stackrt.apis import providers as module
from stackrt.apis.inspect import Inspect, RouteInfo
from stackrt.apis.providers import Health, ProviderInfo, Providers
from stackrt.errors import ApiError
from starlette.requests import Request
from starlette.responses import Response

REQUEST = Request({"type": "http"})


def decoded(response: Response) -> Any:
    """The JSON of a response."""
    return json.loads(bytes(response.body))


def test_inspect(tmp_path: Path) -> None:
    document = tmp_path / "openapi.json"
    document.write_text('{"openapi": "3.1.0"}')
    route = RouteInfo(route="/v1/health", method="GET", provider_types=["inline::x"])
    inspect = Inspect(routes=[route], version="1.0", openapi=document)
    assert decoded(asyncio.run(inspect.health(REQUEST))) == {"status": "OK"}
    assert decoded(asyncio.run(inspect.version(REQUEST))) == {"version": "1.0"}
    assert decoded(asyncio.run(inspect.openapi_json(REQUEST))) == {"openapi": "3.1.0"}
    assert decoded(asyncio.run(inspect.routes(REQUEST))) == {
        "data": [{"route": "/v1/health", "method": "GET", "provider_types": ["inline::x"]}]
    }


class Well:
    """OK."""

    async def health(self) -> Health:
        return Health(status="OK")


class Slow:
    """Never says."""

    async def health(self) -> Health:
        await asyncio.Event().wait()
        return Health(status="OK")


class Faulty:
    """Has a bug."""

    async def health(self) -> Health:
        raise RuntimeError("inside")


def info(provider_id: str) -> ProviderInfo:
    """A provider of the inventory."""
    return ProviderInfo(
        api="inference",
        provider_id=provider_id,
        provider_type="inline::x",
        config={"key": "********"},
    )


PROVIDERS = Providers(
    infos=[info("well"), info("slow"), info("faulty"), info("off")],
    providers={"inference": {"well": Well(), "slow": Slow(), "faulty": Faulty()}},
)


def test_providers_that_are_on_are_listed_with_their_health(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "HEALTH_TIMEOUT", 0.05)
    data = decoded(asyncio.run(PROVIDERS.list_providers(REQUEST)))["data"]
    assert [(each["provider_id"], each["health"]) for each in data] == [
        ("well", {"status": "OK"}),
        ("slow", {"status": "Error", "message": "no answer within 0.05 s"}),
        ("faulty", {"status": "Error", "message": "the health check failed"}),
    ]
    assert data[0]["config"] == {"key": "********"}


def test_one_provider() -> None:
    def get(provider_id: str) -> Response:
        request = Request({"type": "http", "path_params": {"provider_id": provider_id}})
        return asyncio.run(PROVIDERS.get_provider(request))

    assert decoded(get("well"))["provider_type"] == "inline::x"
    with pytest.raises(ApiError, match="`off`"):
        get("off")
