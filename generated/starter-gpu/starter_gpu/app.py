"""The application of the stack `starter-gpu`: its providers, its endpoints, its routes."""

from pathlib import Path

from stackrt.apis.inference import Inference, InferenceProvider
from stackrt.apis.inspect import Inspect
from stackrt.apis.models import Model, ModelRegistry, Models
from stackrt.apis.providers import Providers
from stackrt.engine.embedding import EmbeddingModel
from stackrt.engine.language import LanguageModel
from stackrt.engine.tool_choice import EmbeddingToolChoice
from stackrt.errors import exception_handlers
from stackrt.lifecycle import lifespan
from stackrt.providers.inference.onnx import Onnx
from stackrt.providers.inference.openai import OpenAICompatible
from stackrt.version import VERSION
from starlette.applications import Starlette
from starlette.routing import Route

from starter_gpu import chat_templates
from starter_gpu.inventory import PROVIDERS, ROUTES
from starter_gpu.settings import Settings

STACK = Path(__file__).parent.parent
MODELS = STACK / "models"
OPENAPI = STACK / "openapi.json"


def build(settings: Settings) -> Starlette:
    """The application, with every provider constructed and nothing connected."""
    # Providers, each after what it needs.
    inference_providers: dict[str, InferenceProvider] = {}
    inference_providers["onnx"] = Onnx(
        models=[
            LanguageModel(
                name="smollm2-135m-instruct",
                path=MODELS / "smollm2-135m-instruct",
                render=chat_templates.smollm2_135m_instruct,
                slots=8,
                tool_choice=EmbeddingToolChoice(model="all-minilm-l6-v2", threshold=0.3),
            ),
            EmbeddingModel(name="all-minilm-l6-v2", path=MODELS / "all-minilm-l6-v2"),
        ],
        device="cuda",
        threads=settings.stack_threads,
    )
    if settings.openai_api_key is not None:
        inference_providers["openai"] = OpenAICompatible(base_url=settings.openai_base_url, api_key=settings.openai_api_key)
    if settings.ollama_url is not None:
        inference_providers["ollama"] = OpenAICompatible(base_url=f"{settings.ollama_url}/v1")
    if settings.vllm_url is not None:
        inference_providers["vllm"] = OpenAICompatible(
            base_url=settings.vllm_url,
            api_key=settings.vllm_api_token,
            max_tokens=settings.vllm_max_tokens,
            tls_verify=settings.vllm_tls_verify,
        )

    # Endpoints.
    registry = ModelRegistry(
        models=[
            Model(
                identifier="onnx/smollm2-135m-instruct",
                provider_id="onnx",
                provider_resource_id="smollm2-135m-instruct",
                model_type="llm",
                metadata={"context_length": 4096, "quantization": "fp16"},
            ),
            Model(
                identifier="onnx/all-minilm-l6-v2",
                provider_id="onnx",
                provider_resource_id="all-minilm-l6-v2",
                model_type="embedding",
                metadata={"context_length": 256, "embedding_dimension": 384, "quantization": "int8"},
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
