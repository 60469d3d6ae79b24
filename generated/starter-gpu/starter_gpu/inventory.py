"""What the stack `starter-gpu` is made of, as GET /v1/inspect/routes and /v1/providers tell it."""

from stackrt.apis.inspect import RouteInfo
from stackrt.apis.providers import ProviderInfo

INFERENCE = [
    "inline::onnx",
    "remote::ollama",
    "remote::openai",
    "remote::vllm",
]

ROUTES = [
    RouteInfo(route="/openapi.json", method="GET", provider_types=[]),
    RouteInfo(route="/v1/chat/completions", method="POST", provider_types=INFERENCE),
    RouteInfo(route="/v1/completions", method="POST", provider_types=INFERENCE),
    RouteInfo(route="/v1/embeddings", method="POST", provider_types=INFERENCE),
    RouteInfo(route="/v1/health", method="GET", provider_types=[]),
    RouteInfo(route="/v1/inspect/routes", method="GET", provider_types=[]),
    RouteInfo(route="/v1/models", method="GET", provider_types=INFERENCE),
    RouteInfo(route="/v1/models/{model_id:path}", method="GET", provider_types=INFERENCE),
    RouteInfo(route="/v1/openai/v1/chat/completions", method="POST", provider_types=INFERENCE),
    RouteInfo(route="/v1/openai/v1/completions", method="POST", provider_types=INFERENCE),
    RouteInfo(route="/v1/openai/v1/embeddings", method="POST", provider_types=INFERENCE),
    RouteInfo(route="/v1/openai/v1/models", method="GET", provider_types=INFERENCE),
    RouteInfo(route="/v1/providers", method="GET", provider_types=[]),
    RouteInfo(route="/v1/providers/{provider_id}", method="GET", provider_types=[]),
    RouteInfo(route="/v1/version", method="GET", provider_types=[]),
    RouteInfo(route="/v1alpha/inference/rerank", method="POST", provider_types=INFERENCE),
]

PROVIDERS = [
    ProviderInfo(
        api="inference",
        provider_id="onnx",
        provider_type="inline::onnx",
        config={"device": "cuda", "threads": "${env.STACK_THREADS:=0}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="openai",
        provider_type="remote::openai",
        config={"api_key": "********", "base_url": "${env.OPENAI_BASE_URL:=https://api.openai.com/v1}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="ollama",
        provider_type="remote::ollama",
        config={"url": "${env.OLLAMA_URL:=}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="vllm",
        provider_type="remote::vllm",
        config={
            "api_token": "********",
            "max_tokens": "${env.VLLM_MAX_TOKENS:=}",
            "tls_verify": "${env.VLLM_TLS_VERIFY:=true}",
            "url": "${env.VLLM_URL:=}",
        },
    ),
]
