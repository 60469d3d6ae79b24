"""Inference on a remote server that speaks OpenAI's API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import aiohttp
from pydantic import SecretStr
from pydantic_core import from_json, to_json

from stackrt.apis.inference import (
    ChatCompletionRequest,
    CompletionRequest,
    EmbeddingsRequest,
    RerankRequest,
)
from stackrt.apis.models import Model
from stackrt.apis.providers import Health
from stackrt.errors import ApiError, UpstreamError, bad_gateway, not_found, unsupported
from stackrt.streaming import EventParser, frame
from stackrt.upstream import FAILURES, Upstream, failure, read

# How long a stream may take to close after its [DONE], in seconds, before its connection is
# dropped instead of kept for the next request.
_LINGER = 1.0


class OpenAICompatible:
    """A server of OpenAI's API: OpenAI itself, vLLM, Ollama, and many others.

    `base_url` ends where OpenAI's paths begin, so mostly with `/v1`. With `allowed_models`, other
    names are refused. `max_tokens` is asked for when a request sets no limit. The other parameters
    are those of Upstream.
    """

    open_models = True

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr | None = None,
        allowed_models: Sequence[str] | None = None,
        max_tokens: int | None = None,
        tls_verify: bool | str = True,
        connect_timeout: float = 10.0,
        read_timeout: float = 600.0,
    ) -> None:
        self._allowed_models = allowed_models
        self._max_tokens = max_tokens
        self._upstream = Upstream(
            base_url=base_url,
            api_key=api_key.get_secret_value() if api_key else None,
            tls_verify=tls_verify,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )

    async def open(self) -> None:
        """Does nothing: connects on first use."""

    async def close(self) -> None:
        """Closes the connections."""
        await self._upstream.close()

    async def chat_completion(self, model: Model, request: ChatCompletionRequest) -> bytes:
        """A `chat.completion` object."""
        return await self._answer("chat/completions", model, self._limited(request))

    async def stream_chat_completion(
        self, model: Model, request: ChatCompletionRequest
    ) -> AsyncIterator[bytes]:
        """SSE frames of `chat.completion.chunk`."""
        return await self._stream("chat/completions", model, self._limited(request))

    async def completion(self, model: Model, request: CompletionRequest) -> bytes:
        """A `text_completion` object."""
        return await self._answer("completions", model, self._limited(request))

    async def stream_completion(
        self, model: Model, request: CompletionRequest
    ) -> AsyncIterator[bytes]:
        """SSE frames of `text_completion`."""
        return await self._stream("completions", model, self._limited(request))

    async def embeddings(self, model: Model, request: EmbeddingsRequest) -> bytes:
        """A list of `embedding` objects."""
        return await self._answer("embeddings", model, request)

    async def rerank(self, model: Model, request: RerankRequest) -> bytes:
        """Raises a 501: OpenAI's protocol has no reranking."""
        raise unsupported("reranking", model.provider_id)

    async def list_models(self) -> Sequence[str]:
        """The allowed models, or else what the server lists."""
        if self._allowed_models is not None:
            return self._allowed_models
        try:
            return [entry["id"] for entry in from_json(await self._get("models"))["data"]]
        except (KeyError, TypeError, ValueError):
            raise bad_gateway("the remote provider does not list its models") from None

    async def health(self) -> Health:
        """OK if the server lists its models, which takes a network and a valid key."""
        try:
            await self._get("models")
        except (ApiError, UpstreamError) as error:
            return Health(status="Error", message=str(error))
        return Health(status="OK")

    def _limited(self, request: ChatCompletionRequest | CompletionRequest) -> Mapping[str, object]:
        """`request` with the limit on new tokens that it lacks."""
        asked = request.get("max_tokens") or request.get("max_completion_tokens")
        if self._max_tokens is None or asked:
            return request
        return {**request, "max_tokens": self._max_tokens}

    async def _answer(self, path: str, model: Model, request: Mapping[str, object]) -> bytes:
        async with await self._post(path, model, request) as response:
            body = await read(response)
        return _renamed(body, model.identifier)

    async def _stream(
        self, path: str, model: Model, request: Mapping[str, object]
    ) -> AsyncIterator[bytes]:
        response = await self._post(path, model, request)
        if response.content_type != "text/event-stream":
            response.close()
            raise bad_gateway("the remote provider did not answer with a stream")
        return _Frames(response, model.identifier)

    async def _post(
        self, path: str, model: Model, request: Mapping[str, object]
    ) -> aiohttp.ClientResponse:
        name = model.provider_resource_id
        if self._allowed_models is not None and name not in self._allowed_models:
            raise not_found(
                f"model `{model.identifier}` is not among the allowed models of its provider",
                param="model",
                code="model_not_found",
            )
        return await self._upstream.send("POST", path, to_json({**request, "model": name}))

    async def _get(self, path: str) -> bytes:
        async with await self._upstream.send("GET", path) as response:
            return await read(response)


class _Frames:
    """The events of an upstream's stream, renamed; closing it closes the upstream's connection."""

    def __init__(self, response: aiohttp.ClientResponse, identifier: str) -> None:
        self._response = response
        self._renamed = _Renaming(identifier)
        self._parser = EventParser()
        self._done = False

    def __aiter__(self) -> _Frames:
        return self

    async def __anext__(self) -> bytes:
        """What the network has brought together, in one piece."""
        while not self._done:
            try:
                chunk = await self._response.content.readany()
            except FAILURES as error:
                raise failure(error) from None
            events = self._parser.feed(chunk) if chunk else self._parser.end()
            self._done = not chunk or b"[DONE]" in events
            frames = [frame(self._renamed(event)) for event in events if event != b"[DONE]"]
            if frames:
                return b"".join(frames)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Gives a connection whose stream is over back for the next request; closes any other."""
        if self._done:
            with suppress(TimeoutError, aiohttp.ClientError):
                async with asyncio.timeout(_LINGER):
                    await self._response.read()
        self._response.close()


class _Renaming:
    """Puts the stack's identifier of the model into the events of one stream.

    All events of a stream spell the model alike. Once one has been parsed, its bytes are looked for
    and replaced: they are never part of a text, as quotes inside a JSON string are escaped.
    """

    def __init__(self, identifier: str) -> None:
        self._identifier = identifier
        self._found = self._wanted = b""

    def __call__(self, event: bytes) -> bytes:
        if self._found and event.count(self._found) == 1 and b"\n" not in event:
            return event.replace(self._found, self._wanted)
        value = _object(event)
        self._learn(event, to_json(value.get("model")))
        return _with_model(event, value, self._identifier)

    def _learn(self, event: bytes, name: bytes) -> None:
        for key in (b'"model":', b'"model": '):
            if event.count(key + name) == 1:
                self._found, self._wanted = key + name, key + to_json(self._identifier)


def _renamed(data: bytes, identifier: str) -> bytes:
    """`data`, one JSON object, with `identifier` as its model; untouched if it needs no change."""
    return _with_model(data, _object(data), identifier)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = from_json(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise bad_gateway("the remote provider did not answer with a JSON object")
    return value


def _with_model(data: bytes, value: dict[str, Any], identifier: str) -> bytes:
    if value.get("model") != identifier and "error" not in value:
        return to_json({**value, "model": identifier})
    # The data of an event may have several lines, and a frame has one.
    return data if b"\n" not in data else to_json(value)
