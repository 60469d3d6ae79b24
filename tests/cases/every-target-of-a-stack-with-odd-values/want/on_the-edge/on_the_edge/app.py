"""The application of the stack `on_the-edge`: its providers, its endpoints, its routes."""

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

from on_the_edge.inventory import PROVIDERS, ROUTES
from on_the_edge.settings import Settings

STACK = Path(__file__).parent.parent
OPENAPI = STACK / "openapi.json"


def build(settings: Settings) -> Starlette:
    """The application, with every provider constructed and nothing connected."""
    # Providers, each after what it needs.
    inference_providers: dict[str, InferenceProvider] = {}
    inference_providers["quotes"] = OpenAICompatible(base_url=settings.quotes, api_key=settings.vllm_token)
    inference_providers["a:#{{b}}$c'"] = OpenAICompatible(base_url=f"http://{settings.region}.example.com/{{{{ x }}}}/$HOME", api_key=settings.needed_key)
    inference_providers["lines"] = OpenAICompatible(base_url=settings.lines)
    if settings.switched_url is not None:
        inference_providers["switched"] = OpenAICompatible(base_url=f"{settings.switched_url}/v1")
    inference_providers["needed"] = OpenAICompatible(base_url=settings.needed_url, tls_verify=settings.tls_verify, read_timeout=settings.read_timeout)
    inference_providers["local"] = OpenAICompatible(base_url="http://localhost:11434/v1")

    # Endpoints.
    registry = ModelRegistry(
        models=[
            Model(
                identifier=f"lines/{settings.model_id}",
                provider_id="lines",
                provider_resource_id=settings.model_id,
                model_type="llm",
                metadata={},
            ),
            Model(
                identifier=f"lines/{settings.template}}}",
                provider_id="lines",
                provider_resource_id=f"{settings.template}}}",
                model_type="llm",
                metadata={},
            ),
            Model(
                identifier=f"lines/{settings.dollars}",
                provider_id="lines",
                provider_resource_id=settings.dollars,
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
