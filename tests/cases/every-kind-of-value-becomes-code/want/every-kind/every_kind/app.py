"""The application of the stack `every-kind`: its providers, its endpoints, its routes."""

from pathlib import Path

from pydantic import SecretStr
from stackrt.apis.inference import Inference, InferenceProvider
from stackrt.apis.inspect import Inspect
from stackrt.apis.models import Model, ModelRegistry, Models
from stackrt.apis.providers import Providers
from stackrt.errors import exception_handlers
from stackrt.lifecycle import lifespan
from stackrt.providers.inference.openai import OpenAICompatible
from stackrt.settings import needed
from stackrt.version import VERSION
from starlette.applications import Starlette
from starlette.routing import Route

from every_kind.inventory import PROVIDERS, ROUTES
from every_kind.settings import Settings

STACK = Path(__file__).parent.parent
OPENAPI = STACK / "openapi.json"


def build(settings: Settings) -> Starlette:
    """The application, with every provider constructed and nothing connected."""
    # Providers, each after what it needs.
    inference_providers: dict[str, InferenceProvider] = {}
    inference_providers["literal-values"] = OpenAICompatible(
        base_url='http://localhost:8000/v1?quote="it\'s"&back=\\slash',
        api_key=SecretStr("00123"),
        max_tokens=4096,
        tls_verify=False,
        read_timeout=1.5,
    )
    inference_providers["mixed-text"] = OpenAICompatible(
        base_url="https://" + settings.region + ".example.com/" + ("beta" if settings.stage is not None else "") + "/v1",
        api_key=settings.mixed_key,
        allowed_models=["gpt-4o", "text-embedding-3-small"],
    )
    if settings.switch is not None:
        inference_providers["switched"] = OpenAICompatible(base_url=settings.switch, api_key=needed(settings.needed_with_the_switch))
    if settings.ollama_url is not None:
        inference_providers["class"] = OpenAICompatible(base_url=f"{settings.ollama_url}/v1", connect_timeout=settings.connect_timeout)
    inference_providers["reads-a-switch"] = OpenAICompatible(base_url=(settings.ollama_url if settings.ollama_url is not None else "http://localhost:11434") + "/v1")

    # Endpoints.
    registry = ModelRegistry(
        models=[
            Model(
                identifier=f"reads-a-switch/{settings.inference_model}",
                provider_id="reads-a-switch",
                provider_resource_id=settings.inference_model,
                model_type="llm",
                metadata={},
            ),
            Model(
                identifier="literal-values/short",
                provider_id="literal-values",
                provider_resource_id="org/a-long-name",
                model_type="llm",
                metadata={
                    "limits": {
                        "tokens": 8192,
                        "rates": [1, 2.5, None],
                    },
                    "owner": "päivi \u200b",
                },
            ),
            Model(
                identifier="mixed-text/vectors",
                provider_id="mixed-text",
                provider_resource_id="vectors",
                model_type="embedding",
                metadata={"embedding_dimension": 1536},
            ),
        ],
        providers=inference_providers,
    )
    inference = Inference(registry=registry)
    inspect = Inspect(routes=ROUTES, version=VERSION, openapi=OPENAPI)
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
            Route("/v1/openai/v1/completions", inference.completions, methods=["POST"]),
            Route("/v1/openai/v1/embeddings", inference.embeddings, methods=["POST"]),
            Route("/v1/openai/v1/models", models.list_models, methods=["GET"]),
            Route("/v1/providers", providers.list_providers, methods=["GET"]),
            Route("/v1/providers/{provider_id}", providers.get_provider, methods=["GET"]),
            Route("/v1/version", inspect.version, methods=["GET"]),
            Route("/v1alpha/inference/rerank", inference.rerank, methods=["POST"]),
        ],
        exception_handlers=exception_handlers,
        lifespan=lifespan(*inference_providers.values()),
    )
