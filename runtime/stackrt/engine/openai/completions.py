"""Text completions as OpenAI defines them: requests read, answers and chunks written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from stackrt.apis.inference import CompletionRequest
from stackrt.engine.generation import Generation
from stackrt.engine.language import LanguageEngine
from stackrt.engine.logprobs import TokenLogprobs
from stackrt.engine.openai import parameters
from stackrt.engine.openai.answers import Envelope, collect, usage
from stackrt.engine.openai.fields import Fields, check_known, integer, not_supported
from stackrt.engine.openai.parameters import MAX_CHOICES, include_usage
from stackrt.engine.openai.prompts import TextPrompt, read_prompts
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sequence import FinishReason
from stackrt.errors import bad_request
from stackrt.streaming import frame

DEFAULT_MAX_TOKENS = 16
MAX_LOGPROBS = 5

_KNOWN = parameters.KNOWN | {"best_of", "echo", "prompt", "suffix"}


def read_options(fields: Fields, *, vocab_size: int) -> GenerationOptions:
    """How to continue. Raises ApiError: 400 for a wrong field, 501 for what the engine lacks."""
    check_known(fields, _KNOWN, {})
    if fields.get("suffix"):
        raise not_supported("insertion before a suffix", "suffix")
    logprobs = integer(fields, "logprobs", low=0, high=MAX_LOGPROBS)
    if logprobs is not None and fields.get("echo"):
        raise not_supported("log probabilities of an echoed prompt", "logprobs")
    wanted = parameters.generation_options(
        fields,
        vocab_size=vocab_size,
        max_tokens=integer(fields, "max_tokens", low=1) or DEFAULT_MAX_TOKENS,
        logprobs=logprobs,
    )
    _check_best_of(fields, wanted.n)
    return wanted


def _check_best_of(fields: Fields, n: int) -> None:
    best_of = integer(fields, "best_of", low=1)
    if best_of is not None and best_of < n:
        raise bad_request(f"`best_of` must be at least `n`, which is {n}", param="best_of")
    if best_of is not None and best_of > n:
        raise not_supported("the best of several completions", "best_of")


async def start(engine: LanguageEngine, request: CompletionRequest, model: str) -> CompletionAnswer:
    """Starts the answer to `request`, which calls the model `model`.

    Raises ApiError: 400 for what is wrong, 429 if the queue is full, 501 for what the engine lacks.
    """
    engine.check_room()
    options, prompts = await asyncio.to_thread(_read, engine, request)
    return CompletionAnswer(
        generation=engine.submit([prompt.tokens for prompt in prompts], options),
        envelope=Envelope.new("cmpl", model),
        prompt_tokens=sum(len(prompt.tokens) for prompt in prompts),
        options=options,
        starts=[
            prompt.text if request.get("echo") else ""
            for prompt in prompts
            for _ in range(options.n)
        ],
        include_usage=include_usage(request),
    )


def _read(
    engine: LanguageEngine, request: CompletionRequest
) -> tuple[GenerationOptions, list[TextPrompt]]:
    """Checks all of a request; takes its time, and so a thread, for a long one."""
    include_usage(request)
    options = read_options(request, vocab_size=engine.artifact.vocab_size)
    prompts = read_prompts(engine, request["prompt"])
    if len(prompts) * options.n > MAX_CHOICES:
        raise bad_request(f"prompts times `n` must be at most {MAX_CHOICES}", param="n")
    return options, prompts


@dataclass(frozen=True, kw_only=True)
class CompletionAnswer:
    """An answer in the making, to be had whole or in chunks.

    `starts` is what the text of each choice begins with, before anything is generated.
    """

    generation: Generation
    envelope: Envelope
    prompt_tokens: int
    options: GenerationOptions
    starts: Sequence[str]
    include_usage: bool

    async def body(self) -> bytes:
        """The `text_completion` object of all choices, encoded."""
        choices = await collect(self.generation, count=len(self.starts))
        body = self.envelope.wrap(
            "text_completion",
            [
                self._choice(index, start + choice.text, choice.logprobs, choice.finish_reason)
                for index, (start, choice) in enumerate(zip(self.starts, choices, strict=True))
            ],
            usage=usage(self.prompt_tokens, sum(choice.tokens for choice in choices)),
        )
        return to_json(body)

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames of `text_completion`: starts, texts with the reason in the last one, usage."""
        tokens = [0] * len(self.starts)
        try:
            for index, start in enumerate(self.starts):
                if start:
                    yield self._chunk(self._choice(index, start, (), None))
            async for output in self.generation:
                tokens[output.index] = output.tokens
                yield self._chunk(
                    self._choice(output.index, output.text, output.logprobs, output.finish_reason)
                )
            if self.include_usage:
                yield self._frame([], usage=usage(self.prompt_tokens, sum(tokens)))
        finally:
            self.generation.cancel()

    def _choice(
        self,
        index: int,
        text: str,
        logprobs: Sequence[TokenLogprobs],
        finish_reason: FinishReason | None,
    ) -> dict[str, object]:
        return {
            "index": index,
            "text": text,
            "logprobs": None if self.options.logprobs is None else _render(logprobs),
            "finish_reason": finish_reason,
        }

    def _chunk(self, choice: dict[str, object]) -> bytes:
        return self._frame([choice], **({"usage": None} if self.include_usage else {}))

    def _frame(self, choices: Sequence[dict[str, object]], **fields: object) -> bytes:
        return frame(to_json(self.envelope.wrap("text_completion", choices, **fields)))


def _render(entries: Sequence[TokenLogprobs]) -> dict[str, object]:
    return {
        "tokens": [entry.chosen.text for entry in entries],
        "token_logprobs": [entry.chosen.logprob for entry in entries],
        "top_logprobs": [
            {other.text: other.logprob for other in (*entry.top, entry.chosen)} for entry in entries
        ],
        "text_offset": [entry.start for entry in entries],
    }
