"""Chat completions as OpenAI defines them: requests read, answers and chunks written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic_core import to_json

from stackrt.apis.inference import ChatCompletionRequest
from stackrt.engine.calls import HERMES, CallForm
from stackrt.engine.generation import Generation
from stackrt.engine.grammar import Grammar
from stackrt.engine.language import LanguageEngine, Prompt
from stackrt.engine.logprobs import TokenLogprob, TokenLogprobs
from stackrt.engine.openai import formats, parameters, tools
from stackrt.engine.openai.answers import Choice, Envelope, collect, usage
from stackrt.engine.openai.calls import MessageReader, Reason, deltas, message
from stackrt.engine.openai.fields import Fields, check_known, integer, not_supported
from stackrt.engine.openai.formats import Format, read_format
from stackrt.engine.openai.parameters import include_usage
from stackrt.engine.openai.prompts import last_request, read_chat
from stackrt.engine.openai.tools import read_call_grammar, read_tool_use
from stackrt.engine.options import GenerationOptions
from stackrt.engine.tool_choice import ToolChooser
from stackrt.engine.tools import ToolUse
from stackrt.errors import bad_request
from stackrt.streaming import frame

MAX_TOP_LOGPROBS = 20

# Fields that this module reads, and fields that leave the answer of this engine as it is.
_KNOWN = parameters.KNOWN | formats.KNOWN | tools.KNOWN
_KNOWN |= {
    "max_completion_tokens",
    "messages",
    "metadata",
    "modalities",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "store",
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
    modalities = fields.get("modalities")
    if modalities is not None and modalities != ["text"]:
        raise not_supported("output other than text", "modalities")
    limit = integer(fields, "max_completion_tokens", low=1)
    return parameters.generation_options(
        fields,
        vocab_size=vocab_size,
        max_tokens=integer(fields, "max_tokens", low=1) if limit is None else limit,
        logprobs=_logprobs(fields),
        starts_text=True,
    )


def _logprobs(fields: Fields) -> int | None:
    top = integer(fields, "top_logprobs", low=0, high=MAX_TOP_LOGPROBS)
    wanted = fields.get("logprobs")
    if wanted not in (None, True, False):
        raise bad_request("`logprobs` must be a boolean", param="logprobs")
    if top is not None and not wanted:
        raise bad_request("`top_logprobs` needs `logprobs` to be true", param="top_logprobs")
    return (top or 0) if wanted else None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a request asks for: how to write, in which form, and with which tools."""

    options: GenerationOptions
    content: Format | None
    use: ToolUse | None
    include_usage: bool


def read_wanted(fields: Fields, *, vocab_size: int) -> Wanted:
    """What `fields` ask for. Raises ApiError 400, or 501 for what the engine cannot do."""
    return Wanted(
        options=read_options(fields, vocab_size=vocab_size),
        content=read_format(fields),
        use=read_tool_use(fields),
        include_usage=include_usage(fields),
    )


async def start(
    engine: LanguageEngine,
    request: ChatCompletionRequest,
    model: str,
    chooser: ToolChooser | None = None,
) -> ChatAnswer:
    """Starts the answer to `request`, which calls the model `model`.

    `chooser` chooses tools where the model does not. Raises ApiError: 400 for what is wrong, 429
    if the queue is full, 501 for what the engine lacks.
    """
    engine.check_room()
    wanted = await asyncio.to_thread(read_wanted, request, vocab_size=engine.artifact.vocab_size)
    if chooser is not None and wanted.use is not None:
        use = await chooser.choose(last_request(request["messages"]), wanted.use)
        wanted = replace(wanted, use=use)
    # Compiling a grammar and encoding a long text take their time, and so a thread.
    options, prompt = await asyncio.to_thread(_prepare, engine, request, wanted)
    return ChatAnswer(
        generation=engine.submit([prompt], options),
        envelope=Envelope.new("chatcmpl", model),
        prompt_tokens=len(prompt),
        options=options,
        form=None if wanted.use is None else _form(engine, wanted),
        only_calls=wanted.use is not None and wanted.use.required,
        include_usage=wanted.include_usage,
    )


def _prepare(
    engine: LanguageEngine, request: ChatCompletionRequest, wanted: Wanted
) -> tuple[GenerationOptions, Prompt]:
    declared = [] if wanted.use is None else [tool.declaration for tool in wanted.use.tools]
    prompt = read_chat(engine, request["messages"], declared)
    return replace(wanted.options, grammar=_grammar(engine, wanted)), prompt


def _grammar(engine: LanguageEngine, wanted: Wanted) -> Grammar | None:
    compiler, content = engine.grammars, wanted.content
    if wanted.use is not None:
        return read_call_grammar(compiler, _form(engine, wanted), wanted.use, content)
    return None if content is None else content.compile(compiler)


def _form(engine: LanguageEngine, wanted: Wanted) -> CallForm:
    """How the text has calls."""
    form = engine.conversation.form
    # JSON that is an answer must be told from JSON that is a call.
    return HERMES if wanted.content is not None and form.marker is None else form


@dataclass(frozen=True, kw_only=True)
class ChatAnswer:
    """An answer in the making, to be had whole or in chunks.

    `form` is how its text may call tools, if it may; `only_calls` if it has no other text.
    """

    generation: Generation
    envelope: Envelope
    prompt_tokens: int
    options: GenerationOptions
    form: CallForm | None
    only_calls: bool
    include_usage: bool

    async def body(self) -> bytes:
        """The `chat.completion` object of all choices, encoded."""
        choices = await collect(self.generation, count=self.options.n)
        body = self.envelope.wrap(
            "chat.completion",
            [self._choice(index, choice) for index, choice in enumerate(choices)],
            usage=self._usage(choices),
        )
        return to_json(body)

    def _choice(self, index: int, choice: Choice) -> dict[str, object]:
        reader = MessageReader(self.form)
        events = reader.read(choice.text, choice.finish_reason)
        return {
            "index": index,
            "message": message(events),
            "logprobs": self._logprobs(choice.logprobs),
            "finish_reason": reader.reason(choice.finish_reason),
        }

    def _usage(self, choices: Sequence[Choice]) -> dict[str, object]:
        tokens = sum(choice.tokens for choice in choices)
        return usage(self.prompt_tokens, tokens, cached=choices[0].cached)

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames of `chat.completion.chunk` as OpenAI sends them: role, text, reason, usage."""
        choices = [Choice() for _ in range(self.options.n)]
        readers = [MessageReader(self.form) for _ in choices]
        content = None if self.only_calls else ""
        try:
            for index in range(len(choices)):
                yield self._chunk(index, {"role": "assistant", "content": content, "refusal": None})
            async for output in self.generation:
                choice, reader = choices[output.index], readers[output.index]
                choice.tokens, choice.cached = output.tokens, output.cached
                events = reader.read(output.text, output.finish_reason)
                logprobs = self._logprobs(output.logprobs) if output.logprobs else None
                for delta in deltas(events) if events or not logprobs else [{}]:
                    yield self._chunk(output.index, delta, logprobs=logprobs)
                    logprobs = None
                if output.finish_reason:
                    reason = reader.reason(output.finish_reason)
                    yield self._chunk(output.index, {}, finish_reason=reason)
            if self.include_usage:
                yield self._frame([], usage=self._usage(choices))
        finally:
            self.generation.cancel()

    def _chunk(
        self,
        index: int,
        delta: Mapping[str, object],
        *,
        logprobs: object = None,
        finish_reason: Reason | None = None,
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
