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
    # How it was computed makes no difference to what it is.
    cached: int = field(default=0, compare=False)
    logprobs: list[TokenLogprobs] = field(default_factory=list)
    prompt_logprobs: list[TokenLogprobs] = field(default_factory=list)
    finish_reason: FinishReason | None = None


async def collect(generation: Generation, *, count: int) -> list[Choice]:
    """All `count` choices of a generation, which is cancelled if the caller is."""
    choices = [Choice() for _ in range(count)]
    try:
        async for output in generation:
            choice = choices[output.index]
            choice.text += output.text
            choice.tokens = output.tokens
            choice.cached = output.cached
            choice.logprobs += output.logprobs
            choice.prompt_logprobs += output.prompt_logprobs
            choice.finish_reason = output.finish_reason
    finally:
        generation.cancel()
    return choices


def usage(prompt_tokens: int, completion_tokens: int, *, cached: int) -> dict[str, object]:
    """Token counts as OpenAI reports them; `cached` of the prompt's needed no computing."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
