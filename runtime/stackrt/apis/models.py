"""The Models API: which models the stack serves, and which provider serves each."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from stackrt.body import json_response
from stackrt.errors import ApiError, bad_request, gateway_timeout, not_found

if TYPE_CHECKING:
    from stackrt.apis.inference import InferenceProvider

log = logging.getLogger(__name__)

ModelType = Literal["llm", "embedding", "rerank", "classifier"]

# How long a provider may take to list its models, in seconds.
LIST_TIMEOUT = 5.0


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model of the stack: `identifier` is what clients say, `provider_resource_id` the provider.

    `identifier` is `provider_id/provider_model_id`, as in Llama Stack since 0.3.
    """

    identifier: str
    provider_id: str
    provider_resource_id: str
    model_type: ModelType
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def render(self) -> dict[str, Any]:
        """OpenAI's fields and Llama Stack's fields, side by side in one object."""
        return {
            "id": self.identifier,
            "object": "model",
            "created": 0,
            "owned_by": self.provider_id,
            "identifier": self.identifier,
            "provider_id": self.provider_id,
            "provider_resource_id": self.provider_resource_id,
            "type": "model",
            "model_type": self.model_type,
            "metadata": self.metadata,
            "custom_metadata": {
                "model_type": self.model_type,
                "provider_id": self.provider_id,
                "provider_resource_id": self.provider_resource_id,
                **self.metadata,
            },
        }


class ModelRegistry:
    """Finds the model and the provider that a request names.

    Models of the distribution are known by name. A provider with `open_models` also takes any
    other name, as `provider_id/name`.
    """

    def __init__(
        self, *, models: Sequence[Model], providers: Mapping[str, InferenceProvider]
    ) -> None:
        # A model whose provider is switched off in this process is not served.
        self.models = [model for model in models if model.provider_id in providers]
        self.providers = providers
        self._by_identifier = {model.identifier: model for model in self.models}

    def resolve(self, identifier: str, model_type: ModelType) -> tuple[Model, InferenceProvider]:
        """The model called `identifier`, to be used as `model_type`, and its provider.

        Raises ApiError: 404 `model_not_found`, or 400 if the model is of the other type.
        """
        model = self._by_identifier.get(identifier) or self._open_model(identifier, model_type)
        if model is None:
            raise self.unknown(identifier)
        if model.model_type != model_type:
            raise bad_request(
                f"model `{identifier}` is of type {model.model_type}; "
                f"this needs a model of type {model_type}",
                param="model",
            )
        return model, self.providers[model.provider_id]

    def declared(self, identifier: str) -> Model | None:
        """The distribution's own model of that name."""
        return self._by_identifier.get(identifier)

    def unknown(self, identifier: str) -> ApiError:
        """404 for a name that nothing serves, with the nearest one that something does."""
        near = difflib.get_close_matches(identifier, self._spellings(), n=1)
        hint = f"; did you mean `{self._spellings()[near[0]]}`?" if near else ""
        return not_found(
            f"model `{identifier}` does not exist{hint}", param="model", code="model_not_found"
        )

    def _open_model(self, identifier: str, model_type: ModelType) -> Model | None:
        provider_id, _, name = identifier.partition("/")
        provider = self.providers.get(provider_id)
        if not name or provider is None or not provider.open_models:
            return None
        return Model(
            identifier=identifier,
            provider_id=provider_id,
            provider_resource_id=name,
            model_type=model_type,
        )

    def _spellings(self) -> dict[str, str]:
        """What a user may have meant: identifiers, and names without their provider."""
        short = {model.provider_resource_id: model.identifier for model in self.models}
        return short | {model.identifier: model.identifier for model in self.models}


class Models:
    """The endpoints of the Models API."""

    def __init__(self, *, registry: ModelRegistry) -> None:
        self._registry = registry
        self._silent: set[str] = set()

    async def list_models(self, request: Request) -> Response:
        """GET /v1/models: the declared models, then what each open provider offers right now."""
        declared = {model.identifier: model for model in self._registry.models}
        live = await asyncio.gather(
            *(
                self._live_models(provider_id, provider)
                for provider_id, provider in self._registry.providers.items()
                if provider.open_models
            )
        )
        found = {model.identifier: model for models in live for model in models}
        data = [model.render() for model in (found | declared).values()]
        return json_response({"object": "list", "data": data})

    async def get_model(self, request: Request) -> Response:
        """GET /v1/models/{model_id}: one model, declared or offered by an open provider."""
        identifier: str = request.path_params["model_id"]
        model = self._registry.declared(identifier) or await self._find_live(identifier)
        if model is None:
            raise self._registry.unknown(identifier)
        return json_response(model.render())

    async def _find_live(self, identifier: str) -> Model | None:
        provider_id = identifier.partition("/")[0]
        provider = self._registry.providers.get(provider_id)
        if provider is None or not provider.open_models:
            return None
        # Asked for one model, a provider that cannot say is an error: it may well have it.
        models = await _listed(provider_id, provider)
        return next((model for model in models if model.identifier == identifier), None)

    async def _live_models(self, provider_id: str, provider: InferenceProvider) -> list[Model]:
        """What `provider` lists; nothing if it cannot say, which is logged once per outage."""
        try:
            models = await _listed(provider_id, provider)
        except Exception as error:
            if provider_id not in self._silent:
                log.warning("provider `%s` does not list its models: %s", provider_id, error)
            self._silent.add(provider_id)
            return []
        self._silent.discard(provider_id)
        return models


async def _listed(provider_id: str, provider: InferenceProvider) -> list[Model]:
    """The models that `provider` offers. Raises what it raises, and a 504 if it takes too long."""
    try:
        async with asyncio.timeout(LIST_TIMEOUT):
            names = await provider.list_models()
    except TimeoutError:
        raise gateway_timeout(f"`{provider_id}` did not list its models in time") from None
    return [_live_model(provider_id, name) for name in names]


def _live_model(provider_id: str, name: str) -> Model:
    # OpenAI's model list does not say what a model is for; embedding models say it in their name.
    return Model(
        identifier=f"{provider_id}/{name}",
        provider_id=provider_id,
        provider_resource_id=name,
        model_type="embedding" if "embed" in name.lower() else "llm",
    )
