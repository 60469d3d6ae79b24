"""What the stack `example` is made of, as GET /v1/inspect/routes and /v1/providers tell it."""

from stackrt.apis.inspect import RouteInfo
from stackrt.apis.providers import ProviderInfo

INFERENCE = ["remote::ollama", "remote::openai"]

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
        provider_id="openai",
        provider_type="remote::openai",
        config={"allowed_models": ["three"], "api_key": "********"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="ollama",
        provider_type="remote::ollama",
        config={"read_timeout": 60, "url": "${env.OLLAMA_URL:=}"},
    ),
    ProviderInfo(
        api="inference",
        provider_id="second",
        provider_type="remote::openai",
        config={},
    ),
]
