"""A provider that asks Acme's server."""

from collections.abc import AsyncIterator

from pydantic import SecretStr
from pydantic_core import from_json, to_json
from stackrt.apis.inference import ChatCompletionRequest
from stackrt.apis.models import Model
from stackrt.streaming import frame
from stackrt.upstream import Upstream, read

from acme.answers import chunk, completion
from acme.base import ChatOnly


class Acme(ChatOnly):
    """Asks Acme's server, which takes and gives plain text in JSON."""

    def __init__(
        self,
        *,
        url: str,
        api_key: SecretStr | None = None,
        connect_timeout: float = 10,
        read_timeout: float = 600,
    ) -> None:
        self._upstream = Upstream(
            base_url=url,
            api_key=api_key.get_secret_value() if api_key else None,
            tls_verify=True,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._upstream.close()

    async def chat_completion(self, model: Model, request: ChatCompletionRequest) -> bytes:
        return completion(model, await self._ask(request))

    async def stream_chat_completion(
        self, model: Model, request: ChatCompletionRequest
    ) -> AsyncIterator[bytes]:
        return self._chunks(model, await self._ask(request))

    async def _chunks(self, model: Model, text: str) -> AsyncIterator[bytes]:
        yield frame(chunk(model, text, None))
        yield frame(chunk(model, "", "stop"))

    async def _ask(self, request: ChatCompletionRequest) -> str:
        body = to_json({"text": request["messages"][-1].get("content")})
        async with await self._upstream.send("POST", "ask", body) as response:
            return str(from_json(await read(response))["text"])
