"""The application of the stack `example`: its providers, its endpoints, its routes."""

from pathlib import Path

from stackrt.apis.inference import Inference, InferenceProvider
from stackrt.apis.inspect import Inspect
from stackrt.apis.models import Model, ModelRegistry, Models
from stackrt.apis.providers import Providers
from stackrt.errors import exception_handlers
from stackrt.lifecycle import lifespan
from stackrt.providers.inference.openai import OpenAICompatible
from stackrt.version import VERSION
from starlette.applications import Starlette
from starlette.routing import Route

from example.inventory import PROVIDERS, ROUTES
from example.settings import Settings

STACK = Path(__file__).parent.parent
OPENAPI = STACK / "openapi.json"


def build(settings: Settings) -> Starlette:
    """The application, with every provider constructed and nothing connected."""
    # Providers, each after what it needs.
    inference_providers: dict[str, InferenceProvider] = {}
    inference_providers["openai"] = OpenAICompatible(base_url="https://api.openai.com/v1", api_key=settings.openai_api_key, allowed_models=["three"])
    if settings.ollama_url is not None:
        inference_providers["ollama"] = OpenAICompatible(base_url=f"{settings.ollama_url}/v1", read_timeout=60)
    inference_providers["second"] = OpenAICompatible(base_url="https://api.openai.com/v1")

    # Endpoints.
    registry = ModelRegistry(
        models=[
            Model(
                identifier="openai/small",
                provider_id="openai",
                provider_resource_id="small",
                model_type="llm",
                metadata={},
            ),
            Model(
                identifier="second/large",
                provider_id="second",
                provider_resource_id="large",
                model_type="llm",
                metadata={},
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
