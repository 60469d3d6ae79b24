"""A stack written by hand, the way the compiler writes one: `python gateway.py`.

It has a remote provider, and one of its own whose behaviour is the text that it is given.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from stackrt.apis.inference import (
    ChatCompletionRequest,
    CompletionRequest,
    EmbeddingsRequest,
    Inference,
    InferenceProvider,
    RerankRequest,
)
from stackrt.apis.inspect import Inspect, RouteInfo
from stackrt.apis.models import Model, ModelRegistry, Models
from stackrt.apis.providers import Health, ProviderInfo, Providers
from stackrt.errors import exception_handlers, too_many_requests, unsupported
from stackrt.lifecycle import lifespan
from stackrt.providers.inference.openai import OpenAICompatible
from stackrt.serve import main
from stackrt.streaming import frame
from starlette.applications import Starlette
from starlette.routing import Route


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment decides when the stack starts."""

    openai_api_key: SecretStr | None = None
    openai_base_url: str
    port: int = 8321
    read_timeout: float = 600.0


class Scripted:
    """A provider in this process; the last message says what it does."""

    open_models = False

    def __init__(self) -> None:
        self.sent = 0

    async def open(self) -> None:
        print("opened", flush=True)

    async def close(self) -> None:
        print("closed", flush=True)

    async def chat_completion(self, model: Model, request: ChatCompletionRequest) -> bytes:
        match request["messages"][-1].get("content"):
            case "fail":
                raise RuntimeError("a secret of ours")
            case "busy":
                raise too_many_requests("the queue is full", retry_after=3)
        return b'{"model":"%b"}' % model.identifier.encode()

    async def stream_chat_completion(
        self, model: Model, request: ChatCompletionRequest
    ) -> AsyncIterator[bytes]:
        return self._frames(str(request["messages"][-1].get("content")))

    async def _frames(self, script: str) -> AsyncIterator[bytes]:
        if script == "flood":
            while True:
                self.sent += 1
                yield frame(b'"%b"' % (b"x" * 100_000))
        yield frame(b'{"first":1}')
        if script == "fail":
            raise RuntimeError("a secret of ours")
        if script == "slow":
            await asyncio.sleep(1)
        yield frame(b'{"last":1}')

    async def completion(self, model: Model, request: CompletionRequest) -> bytes:
        raise unsupported("completions", "scripted")

    async def stream_completion(
        self, model: Model, request: CompletionRequest
    ) -> AsyncIterator[bytes]:
        raise unsupported("completions", "scripted")

    async def embeddings(self, model: Model, request: EmbeddingsRequest) -> bytes:
        raise unsupported("embeddings", "scripted")

    async def rerank(self, model: Model, request: RerankRequest) -> bytes:
        raise unsupported("reranking", "scripted")

    async def list_models(self) -> Sequence[str]:
        return ()

    async def health(self) -> Health:
        return Health(status="OK", message=f"{self.sent} sent")


def build(settings: Settings) -> Starlette:
    """The application."""
    inference_providers: dict[str, InferenceProvider] = {}
    inference_providers["openai"] = OpenAICompatible(
        base_url=settings.openai_base_url,
        api_key=settings.openai_api_key,
        read_timeout=settings.read_timeout,
    )
    inference_providers["scripted"] = Scripted()
    registry = ModelRegistry(models=MODELS, providers=inference_providers)
    inference = Inference(registry=registry)
    inspect = Inspect(routes=ROUTES, version="1.2.3", openapi=Path(__file__))
    models = Models(registry=registry)
    providers = Providers(infos=PROVIDERS, providers={"inference": inference_providers})
    return Starlette(
        routes=[
            Route("/openapi.json", inspect.openapi_json, methods=["GET"]),
            Route("/v1/chat/completions", inference.chat_completions, methods=["POST"]),
            Route("/v1/completions", inference.completions, methods=["POST"]),
            Route("/v1/embeddings", inference.embeddings, methods=["POST"]),
            Route("/v1/health", inspect.health, methods=["GET"]),
            Route("/v1/inspect/routes", inspect.routes, methods=["GET"]),
            Route("/v1/models", models.list_models, methods=["GET"]),
            Route("/v1/models/{model_id:path}", models.get_model, methods=["GET"]),
            Route("/v1/openai/v1/chat/completions", inference.chat_completions, methods=["POST"]),
            Route("/v1/openai/v1/embeddings", inference.embeddings, methods=["POST"]),
            Route("/v1/providers", providers.list_providers, methods=["GET"]),
            Route("/v1/providers/{provider_id}", providers.get_provider, methods=["GET"]),
            Route("/v1/version", inspect.version, methods=["GET"]),
            Route("/v1alpha/inference/rerank", inference.rerank, methods=["POST"]),
        ],
        exception_handlers=exception_handlers,
        lifespan=lifespan(*inference_providers.values()),
    )


MODELS = [
    Model(
        identifier="openai/declared",
        provider_id="openai",
        provider_resource_id="ok",
        model_type="llm",
        metadata={"context_length": 8192},
    ),
    Model(
        identifier="openai/vectors",
        provider_id="openai",
        provider_resource_id="text-vectors",
        model_type="embedding",
    ),
    Model(
        identifier="scripted/script",
        provider_id="scripted",
        provider_resource_id="script",
        model_type="llm",
    ),
    Model(
        identifier="absent/model",
        provider_id="absent",
        provider_resource_id="model",
        model_type="llm",
    ),
]

ROUTES = [RouteInfo(route="/v1/health", method="GET", provider_types=["inline::none"])]

PROVIDERS = [
    ProviderInfo(
        api="inference",
        provider_id="openai",
        provider_type="remote::openai",
        config={"api_key": "********"},
    ),
    ProviderInfo(
        api="inference", provider_id="scripted", provider_type="inline::scripted", config={}
    ),
    ProviderInfo(api="inference", provider_id="absent", provider_type="remote::x", config={}),
]

if __name__ == "__main__":
    main(build, Settings, host=lambda _: "127.0.0.1", port=lambda settings: settings.port)
