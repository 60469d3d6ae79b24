"""Chat completions as OpenAI defines them: requests read, answers and chunks written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic_core import to_json

from stackrt.apis.inference import ChatCompletionRequest
from stackrt.engine.generation import Generation
from stackrt.engine.language import LanguageEngine, Prompt
from stackrt.engine.logprobs import TokenLogprob, TokenLogprobs
from stackrt.engine.openai import parameters
from stackrt.engine.openai.answers import Choice, Envelope, collect, usage
from stackrt.engine.openai.fields import Fields, check_known, integer, not_supported
from stackrt.engine.openai.parameters import include_usage
from stackrt.engine.openai.prompts import read_chat
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sequence import FinishReason
from stackrt.errors import bad_request
from stackrt.streaming import frame

MAX_TOP_LOGPROBS = 20

# Fields that this module reads, and fields that leave the answer of this engine as it is.
_KNOWN = parameters.KNOWN | {
    "max_completion_tokens",
    "messages",
    "metadata",
    "modalities",
    "parallel_tool_calls",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "response_format",
    "safety_identifier",
    "service_tier",
    "store",
    "tool_choice",
    "tools",
    "top_logprobs",
}

_CAPABILITIES = {
    "audio": "audio output",
    "function_call": "function calling",
    "functions": "function calling",
    "reasoning_effort": "reasoning",
    "verbosity": "verbosity control",
    "web_search_options": "web search",
}


def read_options(fields: Fields, *, vocab_size: int) -> GenerationOptions:
    """How to answer. Raises ApiError: 400 for a wrong field, 501 for what the engine cannot do."""
    check_known(fields, _KNOWN, _CAPABILITIES)
    _check_text_only(fields)
    _check_no_tools(fields)
    limit = integer(fields, "max_completion_tokens", low=1)
    return parameters.generation_options(
        fields,
        vocab_size=vocab_size,
        max_tokens=integer(fields, "max_tokens", low=1) if limit is None else limit,
        logprobs=_logprobs(fields),
    )


def _check_text_only(fields: Fields) -> None:
    modalities = fields.get("modalities")
    if modalities is not None and modalities != ["text"]:
        raise not_supported("output other than text", "modalities")
    response_format = fields.get("response_format")
    if isinstance(response_format, Mapping) and response_format.get("type") != "text":
        raise not_supported("structured output", "response_format")


def _check_no_tools(fields: Fields) -> None:
    choice = fields.get("tool_choice")
    if fields.get("tools") and choice != "none":
        raise not_supported("tool calling", "tools")
    if choice not in (None, "none", "auto"):
        raise not_supported("tool calling", "tool_choice")


def _logprobs(fields: Fields) -> int | None:
    top = integer(fields, "top_logprobs", low=0, high=MAX_TOP_LOGPROBS)
    wanted = fields.get("logprobs")
    if wanted not in (None, True, False):
        raise bad_request("`logprobs` must be a boolean", param="logprobs")
    if top is not None and not wanted:
        raise bad_request("`top_logprobs` needs `logprobs` to be true", param="top_logprobs")
    return (top or 0) if wanted else None


async def start(engine: LanguageEngine, request: ChatCompletionRequest, model: str) -> ChatAnswer:
    """Starts the answer to `request`, which calls the model `model`.

    Raises ApiError: 400 for what is wrong, 429 if the queue is full, 501 for what the engine lacks.
    """
    engine.check_room()
    options, prompt = await asyncio.to_thread(_read, engine, request)
    return ChatAnswer(
        generation=engine.submit([prompt], options),
        envelope=Envelope.new("chatcmpl", model),
        prompt_tokens=len(prompt),
        options=options,
        include_usage=include_usage(request),
    )


def _read(
    engine: LanguageEngine, request: ChatCompletionRequest
) -> tuple[GenerationOptions, Prompt]:
    """Checks all of a request; takes its time, and so a thread, for a long one."""
    include_usage(request)
    options = read_options(request, vocab_size=engine.artifact.vocab_size)
    return options, read_chat(engine, request["messages"])


@dataclass(frozen=True, kw_only=True)
class ChatAnswer:
    """An answer in the making, to be had whole or in chunks."""

    generation: Generation
    envelope: Envelope
    prompt_tokens: int
    options: GenerationOptions
    include_usage: bool

    async def body(self) -> bytes:
        """The `chat.completion` object of all choices, encoded."""
        choices = await collect(self.generation, count=self.options.n)
        body = self.envelope.wrap(
            "chat.completion",
            [self._choice(index, choice) for index, choice in enumerate(choices)],
            usage=usage(self.prompt_tokens, sum(choice.tokens for choice in choices)),
        )
        return to_json(body)

    def _choice(self, index: int, choice: Choice) -> dict[str, object]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": choice.text, "refusal": None},
            "logprobs": self._logprobs(choice.logprobs),
            "finish_reason": choice.finish_reason,
        }

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames of `chat.completion.chunk` as OpenAI sends them: role, text, reason, usage."""
        tokens = [0] * self.options.n
        try:
            for index in range(self.options.n):
                yield self._chunk(index, {"role": "assistant", "content": "", "refusal": None})
            async for output in self.generation:
                tokens[output.index] = output.tokens
                if output.text or output.logprobs:
                    logprobs = self._logprobs(output.logprobs)
                    yield self._chunk(output.index, {"content": output.text}, logprobs=logprobs)
                if output.finish_reason:
                    yield self._chunk(output.index, {}, finish_reason=output.finish_reason)
            if self.include_usage:
                yield self._frame([], usage=usage(self.prompt_tokens, sum(tokens)))
        finally:
            self.generation.cancel()

    def _chunk(
        self,
        index: int,
        delta: Mapping[str, object],
        *,
        logprobs: object = None,
        finish_reason: FinishReason | None = None,
    ) -> bytes:
        choice = {
            "index": index,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return self._frame([choice], **({"usage": None} if self.include_usage else {}))

    def _frame(self, choices: Sequence[dict[str, object]], **fields: object) -> bytes:
        return frame(to_json(self.envelope.wrap("chat.completion.chunk", choices, **fields)))

    def _logprobs(self, entries: Sequence[TokenLogprobs]) -> dict[str, object] | None:
        if self.options.logprobs is None:
            return None
        content = [
            {**_render(entry.chosen), "top_logprobs": [_render(other) for other in entry.top]}
            for entry in entries
        ]
        return {"content": content, "refusal": None}


def _render(entry: TokenLogprob) -> dict[str, object]:
    return {"token": entry.text, "logprob": entry.logprob, "bytes": list(entry.spelling)}
