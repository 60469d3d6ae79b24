"""Which model and provider a name means, and how models are listed."""

import asyncio
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from gateway import Scripted
from stackrt.apis import models as module
from stackrt.apis.models import Model, ModelRegistry, Models, ModelType
from stackrt.errors import ApiError, bad_gateway
from starlette.requests import Request


class Open(Scripted):
    """A provider that takes any name, and lists what it is told to."""

    open_models = True

    def __init__(self, *names: str, fails: bool = False, hangs: bool = False) -> None:
        super().__init__()
        self._names = names
        self.fails = fails
        self._hangs = hangs

    async def list_models(self) -> Sequence[str]:
        if self.fails:
            raise bad_gateway("down")
        if self._hangs:
            await asyncio.Event().wait()
        return self._names


def model(identifier: str, model_type: ModelType = "llm") -> Model:
    """A declared model."""
    provider_id, _, name = identifier.partition("/")
    return Model(
        identifier=identifier,
        provider_id=provider_id,
        provider_resource_id=name,
        model_type=model_type,
        metadata={"context_length": 10},
    )


LOCAL, REMOTE = Scripted(), Open("live", "live-embedding", "named")
REGISTRY = ModelRegistry(
    models=[
        model("local/chat"),
        model("local/vectors", "embedding"),
        model("remote/named"),
        model("off/x"),
    ],
    providers={"local": LOCAL, "remote": REMOTE},
)


def error(identifier: str, model_type: ModelType = "llm") -> ApiError:
    """How the registry refuses a name."""
    with pytest.raises(ApiError) as caught:
        REGISTRY.resolve(identifier, model_type)
    return caught.value


def test_declared_models() -> None:
    assert REGISTRY.resolve("local/chat", "llm") == (model("local/chat"), LOCAL)
    assert REGISTRY.resolve("remote/named", "llm")[0].metadata == {"context_length": 10}


def test_any_name_of_an_open_provider() -> None:
    found, provider = REGISTRY.resolve("remote/a/b:c", "embedding")
    assert provider is REMOTE
    assert (found.identifier, found.provider_resource_id) == ("remote/a/b:c", "a/b:c")
    assert found.model_type == "embedding"


@pytest.mark.parametrize(
    "name", ["chat", "", "/", "local/", "local/other", "remote/", "off/x", "x/y"]
)
def test_names_that_nothing_serves(name: str) -> None:
    assert (error(name).status, error(name).code, error(name).param) == (
        404,
        "model_not_found",
        "model",
    )
    assert f"`{name}`" in error(name).message


def test_hints() -> None:
    assert "`local/chat`" in error("local/chatt").message
    assert "`local/vectors`" in error("vectors").message
    assert "did you mean" not in error("zzz").message


def test_types_are_not_mixed_up() -> None:
    assert (error("local/vectors").status, error("local/chat", "embedding").status) == (400, 400)


def listed(registry: ModelRegistry) -> list[dict[str, Any]]:
    """GET /v1/models."""
    response = asyncio.run(Models(registry=registry).list_models(Request({"type": "http"})))
    answer = json.loads(bytes(response.body))
    assert answer["object"] == "list"
    data: list[dict[str, Any]] = answer["data"]
    return data


def test_the_list_has_both_shapes_and_no_doubles() -> None:
    data = {each["id"]: each for each in listed(REGISTRY)}
    assert set(data) == {
        "local/chat",
        "local/vectors",
        "remote/named",
        "remote/live",
        "remote/live-embedding",
    }
    assert data["remote/named"]["metadata"] == {"context_length": 10}
    assert data["remote/live-embedding"]["model_type"] == "embedding"
    assert data["local/chat"] == {
        "id": "local/chat",
        "object": "model",
        "created": 0,
        "owned_by": "local",
        "identifier": "local/chat",
        "provider_id": "local",
        "provider_resource_id": "chat",
        "type": "model",
        "model_type": "llm",
        "metadata": {"context_length": 10},
        "custom_metadata": {
            "model_type": "llm",
            "provider_id": "local",
            "provider_resource_id": "chat",
            "context_length": 10,
        },
    }


def test_a_provider_that_cannot_list_is_left_out_and_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LIST_TIMEOUT", 0.05)
    providers = {"good": Open("m"), "down": Open(fails=True), "slow": Open(hangs=True)}
    models = Models(registry=ModelRegistry(models=[], providers=providers))

    def names() -> list[str]:
        response = asyncio.run(models.list_models(Request({"type": "http"})))
        return [each["id"] for each in json.loads(bytes(response.body))["data"]]

    with caplog.at_level(logging.WARNING):
        assert names() == names() == ["good/m"]
    assert len(caplog.records) == 2
    providers["down"].fails = False
    names()
    providers["down"].fails = True
    names()
    assert len(caplog.records) == 3


@pytest.mark.parametrize(
    ("name", "status"), [("local/chat", 200), ("remote/live", 200), ("remote/x", 404), ("x", 404)]
)
def test_one_model(name: str, status: int) -> None:
    request = Request({"type": "http", "path_params": {"model_id": name}})
    try:
        response = asyncio.run(Models(registry=REGISTRY).get_model(request))
        assert (status, json.loads(bytes(response.body))["id"]) == (200, name)
    except ApiError as error:
        assert error.status == status


@pytest.mark.parametrize(("provider", "status"), [("down", 502), ("slow", 504)])
def test_one_model_of_a_provider_that_cannot_say(
    monkeypatch: pytest.MonkeyPatch, provider: str, status: int
) -> None:
    """It is not "no such model": the provider may well have it."""
    monkeypatch.setattr(module, "LIST_TIMEOUT", 0.05)
    providers = {"down": Open(fails=True), "slow": Open(hangs=True)}
    models = Models(
        registry=ModelRegistry(models=[model(f"{provider}/declared")], providers=providers)
    )
    unknown = Request({"type": "http", "path_params": {"model_id": f"{provider}/x"}})
    with pytest.raises(ApiError) as raised:
        asyncio.run(models.get_model(unknown))
    assert raised.value.status == status
    declared = Request({"type": "http", "path_params": {"model_id": f"{provider}/declared"}})
    assert asyncio.run(models.get_model(declared)).status_code == 200
