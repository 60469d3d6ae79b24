"""What answers to chat and text completions have in common: identity, choices and token counts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from stackrt.engine.generation import Generation
from stackrt.engine.logprobs import TokenLogprobs
from stackrt.engine.sequence import FinishReason


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What every chunk of an answer repeats. `created` is in seconds since 1970."""

    id: str
    created: int
    model: str

    @classmethod
    def new(cls, prefix: str, model: str) -> Envelope:
        """An envelope of its own for one answer."""
        return cls(id=f"{prefix}-{uuid.uuid4().hex}", created=int(time.time()), model=model)

    def wrap(
        self, kind: str, choices: Sequence[dict[str, object]], **fields: object
    ) -> dict[str, object]:
        """The body of an answer or a chunk."""
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": None,
            "choices": choices,
            **fields,
        }


@dataclass
class Choice:
    """One complete text."""

    text: str = ""
    tokens: int = 0
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    finish_reason: FinishReason | None = None


async def collect(generation: Generation, *, count: int) -> list[Choice]:
    """All `count` choices of a generation, which is cancelled if the caller is."""
    choices = [Choice() for _ in range(count)]
    try:
        async for output in generation:
            choice = choices[output.index]
            choice.text += output.text
            choice.tokens = output.tokens
            choice.logprobs += output.logprobs
            choice.finish_reason = output.finish_reason
    finally:
        generation.cancel()
    return choices


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """Token counts as OpenAI reports them."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
