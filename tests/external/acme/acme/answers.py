"""OpenAI's answers."""

import time

from pydantic_core import to_json
from stackrt.apis.models import Model


def completion(model: Model, text: str) -> bytes:
    """A `chat.completion` object with one choice."""
    message = {"role": "assistant", "content": text}
    return to_json(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model.identifier,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
    )


def chunk(model: Model, text: str, reason: str | None) -> bytes:
    """A `chat.completion.chunk` object."""
    delta = {"role": "assistant", "content": text} if text else {}
    return to_json(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model.identifier,
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }
    )
