"""The provider of remote servers: what is sent, what comes back, and over which connections."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr
from stackrt.apis.inference import ChatCompletionRequest
from stackrt.apis.models import Model
from stackrt.errors import ApiError
from stackrt.providers.inference.openai import OpenAICompatible
from upstream import ANSWER, CHUNK, Upstream

T = TypeVar("T")


def model(name: str) -> Model:
    """A model of the provider `stack`."""
    return Model(
        identifier=f"stack/{name}",
        provider_id="stack",
        provider_resource_id=name,
        model_type="llm",
    )


def request(name: str, **more: Any) -> ChatCompletionRequest:
    """A validated request."""
    body: Any = {"model": f"stack/{name}", "messages": [{"role": "user", "content": "hi"}], **more}
    return body  # type: ignore[no-any-return]  # with fields that the type does not know


def run(url: str, work: Callable[[OpenAICompatible], Awaitable[T]], **options: Any) -> T:
    """What `work` returns for a provider that is opened and closed around it."""

    async def main() -> T:
        provider = OpenAICompatible(base_url=url, **options)
        await provider.open()
        try:
            return await work(provider)
        finally:
            await provider.close()

    return asyncio.run(main())


def chat(url: str, name: str, more: dict[str, Any] | None = None, **options: Any) -> Any:
    """A chat completion, decoded."""
    sent = request(name, **(more or {}))
    return json.loads(run(url, lambda it: it.chat_completion(model(name), sent), **options))


def events(url: str, name: str) -> list[Any]:
    """The events of a streamed chat completion, decoded."""

    async def work(provider: OpenAICompatible) -> bytes:
        frames = await provider.stream_chat_completion(model(name), request(name, stream=True))
        return b"".join([frame async for frame in frames])

    parts = run(url, work).decode().split("\n\n")
    assert parts.pop() == ""
    return [json.loads(part.removeprefix("data: ")) for part in parts]


def test_the_model_is_renamed_on_the_way_out_and_back(upstream: Upstream) -> None:
    answer = chat(upstream.url, "m", {"provider_option": {"a": [1]}}, api_key=SecretStr("k"))
    assert answer == {**ANSWER, "model": "stack/m"}
    seen = upstream.last()
    assert (seen.path, seen.headers["authorization"]) == ("/v1/chat/completions", "Bearer k")
    assert seen.body["model"] == "m"
    assert seen.body["provider_option"] == {"a": [1]}


def test_without_a_key_none_is_sent(upstream: Upstream) -> None:
    chat(upstream.url + "/", "m")
    assert "authorization" not in upstream.last().headers


@pytest.mark.parametrize("name", ["m", "odd"])
def test_streams(upstream: Upstream, name: str) -> None:
    wanted = {**CHUNK, "model": f"stack/{name}"}
    assert events(upstream.url, name) == [wanted] * (2 if name == "odd" else 3)


def test_a_chunk_that_needs_no_change_keeps_its_bytes(upstream: Upstream) -> None:
    async def work(provider: OpenAICompatible) -> bytes:
        same = Model(
            identifier=str(CHUNK["model"]),
            provider_id="stack",
            provider_resource_id="m",
            model_type="llm",
        )
        frames = await provider.stream_chat_completion(same, request("m", stream=True))
        return b"".join([frame async for frame in frames])

    # json.dumps writes a space after each colon, which an encoder of ours would not.
    assert run(upstream.url, work).count(b'"model": "the-model-itself"') == 3


def test_connections_are_kept_also_after_streams(upstream: Upstream) -> None:
    before = upstream.connections

    async def work(provider: OpenAICompatible) -> None:
        for _ in range(3):
            await provider.chat_completion(model("m"), request("m"))
            frames = await provider.stream_chat_completion(model("m"), request("m", stream=True))
            assert len(b"".join([frame async for frame in frames])) > 0
            await frames.aclose()  # type: ignore[attr-defined]  # as EventStream does

    run(upstream.url, work)
    assert upstream.connections == before + 1


@pytest.mark.parametrize(
    ("asked", "sent"), [({}, 99), ({"max_tokens": None}, 99), ({"max_tokens": 5}, 5)]
)
def test_max_tokens_where_the_request_has_none(
    upstream: Upstream, asked: dict[str, Any], sent: int
) -> None:
    chat(upstream.url, "m", asked, max_tokens=99)
    assert upstream.last().body["max_tokens"] == sent


def test_max_completion_tokens_is_a_limit_too(upstream: Upstream) -> None:
    chat(upstream.url, "m", {"max_completion_tokens": 5}, max_tokens=99)
    assert "max_tokens" not in upstream.last().body


def test_models_that_are_not_allowed(upstream: Upstream) -> None:
    with pytest.raises(ApiError) as caught:
        chat(upstream.url, "m", allowed_models=["other"])
    assert (caught.value.status, caught.value.code) == (404, "model_not_found")
    allowed = run(upstream.url, OpenAICompatible.list_models, allowed_models=["other"])
    assert allowed == ["other"]


def test_listing_and_health(upstream: Upstream) -> None:
    assert run(upstream.url, OpenAICompatible.list_models) == ["live", "live-embedding"]
    assert run(upstream.url, OpenAICompatible.health) == {"status": "OK"}
    down = run("http://127.0.0.1:1/v1", OpenAICompatible.health)
    assert down == {"status": "Error", "message": "the remote provider cannot be reached"}


def test_a_server_that_does_not_accept(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(address)
        with pytest.raises(ApiError) as caught:
            chat(f"http://127.0.0.1:{address[1]}/v1", "m", connect_timeout=0.2)
        for each in waiting:
            each.close()
    assert caught.value.status == 504


def test_proxies_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def answer() -> None:
            client, _ = proxy.accept()
            heard.append(client.recv(65536))
            body = json.dumps(ANSWER).encode()
            client.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))

        threading.Thread(target=answer, daemon=True).start()
        monkeypatch.setenv("http_proxy", f"http://user:pass@127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "inside.test")
        assert chat("http://outside.test/v1", "m")["model"] == "stack/m"
        with pytest.raises(ApiError, match="cannot be reached"):
            chat("http://inside.test/v1", "m")
    assert heard[0].startswith(b"POST http://outside.test/v1/chat/completions HTTP/1.1\r\n")
    assert b"proxy-authorization: basic dxnlcjpwyxnz" in heard[0].lower()
