"""What a provider without other models than those that chat answers to the rest."""

from collections.abc import AsyncIterator, Sequence

from stackrt.apis.inference import CompletionRequest, EmbeddingsRequest, RerankRequest
from stackrt.apis.models import Model
from stackrt.apis.providers import Health
from stackrt.errors import unsupported


class ChatOnly:
    """The part of the Protocol that is not chat."""

    open_models = True

    async def open(self) -> None:
        """Does nothing."""

    async def close(self) -> None:
        """Does nothing."""

    async def completion(self, model: Model, request: CompletionRequest) -> bytes:
        raise unsupported("completions", model.provider_id)

    async def stream_completion(
        self, model: Model, request: CompletionRequest
    ) -> AsyncIterator[bytes]:
        raise unsupported("completions", model.provider_id)

    async def embeddings(self, model: Model, request: EmbeddingsRequest) -> bytes:
        raise unsupported("embeddings", model.provider_id)

    async def rerank(self, model: Model, request: RerankRequest) -> bytes:
        raise unsupported("rerank", model.provider_id)

    async def list_models(self) -> Sequence[str]:
        """None that are not declared."""
        return ()

    async def health(self) -> Health:
        """Always well."""
        return Health(status="OK")
