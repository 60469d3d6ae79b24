"""What the stack `on_the-edge` is made of, as GET /v1/inspect/routes and /v1/providers tell it."""

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
        provider_id="quotes",
        provider_type="remote::vllm",
        config={"api_token": "********", "url": "${env.QUOTES:=https://vllm.example.com:8443/v1?a='b'&c=\"d\"\\e}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="a:#{{b}}$c'",
        provider_type="remote::openai",
        config={"api_key": "********", "base_url": "http://${env.REGION:=eu}.example.com/{{ x }}/$$HOME"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="lines",
        provider_type="remote::vllm",
        config={"url": "${env.LINES:=http://one.example.com\n  two: \ttabs}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="switched",
        provider_type="remote::ollama",
        config={"url": "${env.SWITCHED_URL:=http://ollama:11434}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="needed",
        provider_type="remote::vllm",
        config={"read_timeout": "${env.READ_TIMEOUT:=1e9}", "tls_verify": "${env.TLS_VERIFY:=true}", "url": "${env.NEEDED_URL}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="local",
        provider_type="remote::ollama",
        config={},
    ),
]
