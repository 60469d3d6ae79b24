"""A provider that says the same again."""

from collections.abc import AsyncIterator

from stackrt.apis.inference import ChatCompletionRequest
from stackrt.apis.models import Model
from stackrt.streaming import frame

from .answers import chunk, completion
from .base import ChatOnly


class Route(ChatOnly):
    """Says the same again; it is called as something that the application imports."""

    def __init__(self, *, prefix: str = "") -> None:
        self._prefix = prefix

    async def chat_completion(self, model: Model, request: ChatCompletionRequest) -> bytes:
        return completion(model, self._text(request))

    async def stream_chat_completion(
        self, model: Model, request: ChatCompletionRequest
    ) -> AsyncIterator[bytes]:
        return self._chunks(model, self._text(request))

    async def _chunks(self, model: Model, text: str) -> AsyncIterator[bytes]:
        for word in text.split(" "):
            yield frame(chunk(model, word, None))
        yield frame(chunk(model, "", "stop"))

    def _text(self, request: ChatCompletionRequest) -> str:
        return f"{self._prefix}{request['messages'][-1].get('content')}"
