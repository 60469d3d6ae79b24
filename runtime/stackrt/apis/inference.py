"""The Inference API: what OpenAI defines for chat, completions and embeddings, and reranking."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Annotated, Any, Protocol, Required

from pydantic import ConfigDict, Field, with_config
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import TypedDict

from stackrt.apis.models import Model, ModelRegistry
from stackrt.apis.providers import Health
from stackrt.body import Body
from stackrt.lifecycle import Resource
from stackrt.streaming import EventStream, until_disconnect

# Known fields are typed, so that a wrong type is the client's 400. Unknown ones travel on: what
# a provider adds to OpenAI's API needs no release of ours. Ranges are for the provider to judge.
_TOLERANT = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

ContentPart = dict[str, Any]
TokenIds = Annotated[list[int], Field(fail_fast=True)]
Strings = Annotated[list[str], Field(fail_fast=True)]


@with_config(_TOLERANT)
class ChatMessage(TypedDict, total=False):
    """One message; `content` is text, a list of parts, or null beside `tool_calls`."""

    role: Required[str]
    content: str | list[ContentPart] | None
    name: str | None
    tool_calls: list[dict[str, Any]] | None
    tool_call_id: str | None


@with_config(_TOLERANT)
class StreamOptions(TypedDict, total=False):
    """What a stream carries besides the text."""

    include_usage: bool | None


@with_config(_TOLERANT)
class ChatCompletionRequest(TypedDict, total=False):
    """Body of POST /v1/chat/completions (OpenAI API reference, create chat completion)."""

    model: Required[str]
    messages: Required[list[ChatMessage]]
    frequency_penalty: float | None
    logit_bias: dict[str, float] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    min_p: float | None
    n: int | None
    parallel_tool_calls: bool | None
    presence_penalty: float | None
    repetition_penalty: float | None
    response_format: dict[str, Any] | None
    seed: int | None
    stop: str | list[str] | None
    stream: bool | None
    stream_options: StreamOptions | None
    temperature: float | None
    tool_choice: str | dict[str, Any] | None
    tools: list[dict[str, Any]] | None
    top_k: int | None
    top_logprobs: int | None
    top_p: float | None
    user: str | None


@with_config(_TOLERANT)
class CompletionRequest(TypedDict, total=False):
    """Body of POST /v1/completions (OpenAI API reference, create completion)."""

    model: Required[str]
    prompt: Required[str | Strings | TokenIds | list[TokenIds]]
    best_of: int | None
    echo: bool | None
    frequency_penalty: float | None
    logit_bias: dict[str, float] | None
    logprobs: int | None
    max_tokens: int | None
    min_p: float | None
    n: int | None
    presence_penalty: float | None
    repetition_penalty: float | None
    seed: int | None
    stop: str | list[str] | None
    stream: bool | None
    stream_options: StreamOptions | None
    suffix: str | None
    temperature: float | None
    top_k: int | None
    top_p: float | None
    user: str | None


@with_config(_TOLERANT)
class EmbeddingsRequest(TypedDict, total=False):
    """Body of POST /v1/embeddings (OpenAI API reference, create embeddings).

    What a text is (`input_type`, or `task_type`) and whether one that is too long is cut
    (`truncate`, or `text_truncation`) is told as to Cohere and NVIDIA, or as to Llama Stack.
    """

    model: Required[str]
    input: Required[str | Strings | TokenIds | list[TokenIds]]
    dimensions: int | None
    encoding_format: str | None
    input_type: str | None
    prompt_name: str | None
    task_type: str | None
    text_truncation: str | None
    truncate: str | None
    user: str | None


@with_config(_TOLERANT)
class RerankRequest(TypedDict, total=False):
    """Body of POST /v1alpha/inference/rerank (Llama Stack API, rerank).

    `query` and each of `items` is a text or a part of a message.
    """

    model: Required[str]
    query: Required[str | ContentPart]
    items: Required[list[str | ContentPart]]
    max_num_results: int | None


class InferenceProvider(Resource, Protocol):
    """What serves models: an engine in this process, or a remote server.

    `request["model"]` is the stack's identifier; the provider's own name for it is
    `model.provider_resource_id`. Answers are encoded JSON whose `model` is `model.identifier`.
    A method is cancelled when its client goes away. Failures are ApiError or UpstreamError.
    """

    @property
    def open_models(self) -> bool:
        """Whether names that the distribution does not declare are served too."""
        ...

    async def chat_completion(self, model: Model, request: ChatCompletionRequest) -> bytes:
        """A `chat.completion` object."""
        ...

    async def stream_chat_completion(
        self, model: Model, request: ChatCompletionRequest
    ) -> AsyncIterator[bytes]:
        """SSE frames of `chat.completion.chunk`, without the final [DONE].

        What fails before the iterator is returned still has an HTTP status of its own.
        """
        ...

    async def completion(self, model: Model, request: CompletionRequest) -> bytes:
        """A `text_completion` object."""
        ...

    async def stream_completion(
        self, model: Model, request: CompletionRequest
    ) -> AsyncIterator[bytes]:
        """SSE frames of `text_completion`, without the final [DONE]."""
        ...

    async def embeddings(self, model: Model, request: EmbeddingsRequest) -> bytes:
        """A list of `embedding` objects, in the order of the input."""
        ...

    async def rerank(self, model: Model, request: RerankRequest) -> bytes:
        """`data`: for each item its `index` and `relevance_score`, the most relevant first."""
        ...

    async def list_models(self) -> Sequence[str]:
        """The provider's own names of all that it offers; () if only declared models count."""
        ...

    async def health(self) -> Health:
        """Whether the provider could serve a request now."""
        ...


class Inference:
    """The endpoints of the Inference API."""

    def __init__(self, *, registry: ModelRegistry) -> None:
        self._registry = registry
        self._chat_completion = Body(ChatCompletionRequest)
        self._completion = Body(CompletionRequest)
        self._embeddings = Body(EmbeddingsRequest)
        self._rerank = Body(RerankRequest)

    async def chat_completions(self, request: Request) -> Response:
        """POST /v1/chat/completions: one JSON object, or a stream of chunks."""
        body = await self._chat_completion.read(request)
        model, provider = self._registry.resolve(body["model"], "llm")
        if body.get("stream"):
            return await _stream(request, provider.stream_chat_completion(model, body))
        return await _answer(request, provider.chat_completion(model, body))

    async def completions(self, request: Request) -> Response:
        """POST /v1/completions: one JSON object, or a stream of chunks."""
        body = await self._completion.read(request)
        model, provider = self._registry.resolve(body["model"], "llm")
        if body.get("stream"):
            return await _stream(request, provider.stream_completion(model, body))
        return await _answer(request, provider.completion(model, body))

    async def embeddings(self, request: Request) -> Response:
        """POST /v1/embeddings: one vector for each input."""
        body = await self._embeddings.read(request)
        model, provider = self._registry.resolve(body["model"], "embedding")
        return await _answer(request, provider.embeddings(model, body))

    async def rerank(self, request: Request) -> Response:
        """POST /v1alpha/inference/rerank: the items, ordered by what they tell of the query."""
        body = await self._rerank.read(request)
        model, provider = self._registry.resolve(body["model"], "rerank")
        return await _answer(request, provider.rerank(model, body))


async def _answer(request: Request, answer: Awaitable[bytes]) -> Response:
    return Response(await until_disconnect(request, answer), media_type="application/json")


async def _stream(request: Request, frames: Awaitable[AsyncIterator[bytes]]) -> Response:
    return EventStream(await until_disconnect(request, frames))
