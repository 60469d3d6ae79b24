"""The application of the stack `every-model`: its providers, its endpoints, its routes."""

from pathlib import Path

from stackrt.apis.inference import Inference, InferenceProvider
from stackrt.apis.inspect import Inspect
from stackrt.apis.models import Model, ModelRegistry, Models
from stackrt.apis.providers import Providers
from stackrt.engine.classification import ClassifierModel
from stackrt.engine.embedding import EmbeddingModel
from stackrt.engine.language import LanguageModel
from stackrt.engine.rerank import RerankModel
from stackrt.engine.tool_choice import EmbeddingToolChoice
from stackrt.errors import exception_handlers
from stackrt.lifecycle import lifespan
from stackrt.providers.inference.onnx import Onnx
from stackrt.version import VERSION
from starlette.applications import Starlette
from starlette.routing import Route

from every_model import chat_templates
from every_model.inventory import PROVIDERS, ROUTES
from every_model.settings import Settings

STACK = Path(__file__).parent.parent
MODELS = STACK / "models"
OPENAPI = STACK / "openapi.json"


def build(settings: Settings) -> Starlette:
    """The application, with every provider constructed and nothing connected."""
    # Providers, each after what it needs.
    inference_providers: dict[str, InferenceProvider] = {}
    inference_providers["cpu"] = Onnx(
        models=[
            LanguageModel(
                name="writer",
                path=MODELS / "cpu-writer",
                render=chat_templates.cpu_writer,
                slots=2,
                tool_choice=EmbeddingToolChoice(model="finder-of-words", threshold=0.25),
            ),
            EmbeddingModel(name="finder-of-words", path=MODELS / "finder"),
            RerankModel(name="sorter", path=MODELS / "sorter"),
            ClassifierModel(name="guard", path=MODELS / "guard"),
        ],
    )
    inference_providers["gpu"] = Onnx(
        models=[
            LanguageModel(
                name="writer",
                path=MODELS / "gpu-writer",
                render=chat_templates.gpu_writer,
                slots=8,
            ),
            LanguageModel(
                name="writer-in-four-bits",
                path=MODELS / "writer-in-four-bits",
                render=chat_templates.writer_in_four_bits,
                slots=8,
            ),
        ],
        device="cuda",
        threads=2,
    )

    # Endpoints.
    registry = ModelRegistry(
        models=[
            Model(
                identifier="cpu/writer",
                provider_id="cpu",
                provider_resource_id="writer",
                model_type="llm",
                metadata={"context_length": 64, "quantization": "int8"},
            ),
            Model(
                identifier="cpu/finder",
                provider_id="cpu",
                provider_resource_id="finder-of-words",
                model_type="embedding",
                metadata={"context_length": 40, "embedding_dimension": 32, "quantization": "int8"},
            ),
            Model(
                identifier="cpu/sorter",
                provider_id="cpu",
                provider_resource_id="sorter",
                model_type="rerank",
                metadata={"context_length": 40, "quantization": "fp32"},
            ),
            Model(
                identifier="cpu/guard",
                provider_id="cpu",
                provider_resource_id="guard",
                model_type="classifier",
                metadata={"context_length": 40, "quantization": "int8"},
            ),
            Model(
                identifier="gpu/writer",
                provider_id="gpu",
                provider_resource_id="writer",
                model_type="llm",
                metadata={"context_length": 32, "quantization": "fp16"},
            ),
            Model(
                identifier="gpu/writer-in-four-bits",
                provider_id="gpu",
                provider_resource_id="writer-in-four-bits",
                model_type="llm",
                metadata={"context_length": 64, "quantization": "int4"},
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
