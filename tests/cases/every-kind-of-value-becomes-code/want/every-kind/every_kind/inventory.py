"""What the stack `every-kind` is made of, as GET /v1/inspect/routes and /v1/providers tell it."""

from stackrt.apis.inspect import RouteInfo
from stackrt.apis.providers import ProviderInfo

INFERENCE = ["remote::ollama", "remote::openai", "remote::vllm"]

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
        provider_id="literal-values",
        provider_type="remote::vllm",
        config={
            "api_token": "********",
            "max_tokens": 4096,
            "read_timeout": 1.5,
            "tls_verify": False,
            "url": 'http://localhost:8000/v1?quote="it\'s"&back=\\slash',
        },
    ),
    ProviderInfo(
        api="inference",
        provider_id="mixed-text",
        provider_type="remote::openai",
        config={
            "allowed_models": ["gpt-4o", "text-embedding-3-small"],
            "api_key": "********",
            "base_url": "https://${env.REGION:=eu}.example.com/${env.STAGE:+beta}/v1",
        },
    ),
    ProviderInfo(
        api="inference",
        provider_id="switched",
        provider_type="remote::openai",
        config={"api_key": "********", "base_url": "${env.SWITCH}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="class",
        provider_type="remote::ollama",
        config={"connect_timeout": "${env.CONNECT_TIMEOUT:=2.5}", "url": "${env.OLLAMA_URL:=http://localhost:11434}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="reads-a-switch",
        provider_type="remote::ollama",
        config={"url": "${env.OLLAMA_URL:=http://localhost:11434}"},
    ),
]
