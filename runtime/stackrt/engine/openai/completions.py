"""Text completions as OpenAI defines them: requests read, answers and chunks written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from pydantic_core import to_json

from stackrt.apis.inference import CompletionRequest
from stackrt.engine.generation import Generation
from stackrt.engine.language import LanguageEngine
from stackrt.engine.openai import formats, parameters, scores
from stackrt.engine.openai.answers import Choice, Envelope, collect, usage
from stackrt.engine.openai.fields import Fields, check_known, integer
from stackrt.engine.openai.insertion import fill
from stackrt.engine.openai.parameters import MAX_CHOICES, include_usage
from stackrt.engine.openai.prompts import TextPrompt, read_prompts
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sequence import FinishReason
from stackrt.errors import bad_request
from stackrt.streaming import frame

# OpenAI API reference: what is generated if nothing is said, and the most that may be asked for.
DEFAULT_MAX_TOKENS = 16
MAX_LOGPROBS = 5
MAX_BEST_OF = 20

_KNOWN = parameters.KNOWN | formats.KNOWN | {"best_of", "echo", "prompt", "suffix"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an answer is to hold: for each prompt `n` choices, the best of those generated."""

    options: GenerationOptions
    n: int
    echo: bool
    logprobs: bool
    include_usage: bool


def read_wanted(fields: Fields, *, vocab_size: int) -> Wanted:
    """What `fields` ask for. Raises ApiError 400 for a wrong field."""
    check_known(fields, _KNOWN, {})
    n = integer(fields, "n", low=1, high=MAX_CHOICES) or 1
    best_of = _best_of(fields, n)
    logprobs = integer(fields, "logprobs", low=0, high=MAX_LOGPROBS)
    max_tokens = integer(fields, "max_tokens", low=0)
    echo = bool(fields.get("echo"))
    if echo and logprobs is not None and fields.get("suffix"):
        raise bad_request("`echo` with `logprobs` is not possible with `suffix`", param="suffix")
    options = parameters.generation_options(
        fields,
        vocab_size=vocab_size,
        max_tokens=DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens,
        # The best are found by their log probabilities, if nobody else asks for them.
        logprobs=0 if logprobs is None and best_of > n else logprobs,
    )
    return Wanted(
        options=replace(options, n=best_of, prompt_logprobs=logprobs if echo else None),
        n=n,
        echo=echo,
        logprobs=logprobs is not None,
        include_usage=include_usage(fields),
    )


def _best_of(fields: Fields, n: int) -> int:
    """How many choices are generated for each prompt."""
    best_of = integer(fields, "best_of", low=1, high=MAX_BEST_OF)
    if best_of is None:
        return n
    if best_of < n:
        raise bad_request(f"`best_of` must be at least `n`, which is {n}", param="best_of")
    if best_of > n and fields.get("stream"):
        raise bad_request("`best_of` above `n` cannot be streamed", param="best_of")
    return best_of


async def start(engine: LanguageEngine, request: CompletionRequest, model: str) -> CompletionAnswer:
    """Starts the answer to `request`, which calls the model `model`.

    Raises ApiError: 400 for what is wrong, 429 if the queue is full.
    """
    engine.check_room()
    wanted, prompts = await asyncio.to_thread(_read, engine, request)
    return CompletionAnswer(
        generation=engine.submit([prompt.tokens for prompt in prompts], wanted.options),
        envelope=Envelope.new("cmpl", model),
        prompts=prompts,
        wanted=wanted,
    )


def _read(engine: LanguageEngine, request: CompletionRequest) -> tuple[Wanted, list[TextPrompt]]:
    """Checks all of a request; takes its time, and so a thread, for a long one."""
    wanted = read_wanted(request, vocab_size=engine.artifact.vocab_size)
    prompts = read_prompts(engine, request["prompt"])
    if len(prompts) * wanted.options.n > MAX_CHOICES:
        raise bad_request(
            f"prompts times `n` or `best_of` must be at most {MAX_CHOICES}", param="n"
        )
    if suffix := request.get("suffix"):
        prompts = [fill(engine, prompt, suffix) for prompt in prompts]
    grammar = formats.read_grammar(request, engine.grammars)
    return replace(wanted, options=replace(wanted.options, grammar=grammar)), prompts


@dataclass(frozen=True, kw_only=True)
class CompletionAnswer:
    """An answer in the making, to be had whole or in chunks."""

    generation: Generation
    envelope: Envelope
    prompts: Sequence[TextPrompt]
    wanted: Wanted

    async def body(self) -> bytes:
        """The `text_completion` object of all choices, encoded."""
        each = self.wanted.options.n
        generated = await collect(self.generation, count=len(self.prompts) * each)
        groups = [generated[first : first + each] for first in range(0, len(generated), each)]
        chosen = [
            (prompt, choice)
            for prompt, group in zip(self.prompts, groups, strict=True)
            for choice in self._best(group)
        ]
        body = self.envelope.wrap(
            "text_completion",
            [self._whole(index, *pair) for index, pair in enumerate(chosen)],
            usage=self._usage(
                [choice.tokens for choice in generated], [choice.cached for choice in generated]
            ),
        )
        return to_json(body)

    def _best(self, group: Sequence[Choice]) -> Sequence[Choice]:
        return scores.best(group, self.wanted.n) if len(group) > self.wanted.n else group

    def _whole(self, index: int, prompt: TextPrompt, choice: Choice) -> dict[str, object]:
        start = self._start(prompt)
        logprobs = scores.render(choice.logprobs, offset=len(start))
        if choice.prompt_logprobs:
            of_prompt = scores.render_prompt(choice.prompt_logprobs, text=start)
            logprobs = scores.joined(of_prompt, logprobs)
        return self._choice(index, start + choice.text, logprobs, choice.finish_reason)

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames of `text_completion`: prompts, texts with the reason in the last one, usage."""
        starts = [
            self._start(prompt) for prompt in self.prompts for _ in range(self.wanted.options.n)
        ]
        tokens, cached = [0] * len(starts), [0] * len(starts)
        try:
            for index, start in enumerate(starts):
                # With log probabilities, the prompt comes when they are known.
                if start and self.wanted.options.prompt_logprobs is None:
                    yield self._chunk(index, start, scores.render((), offset=0), None)
            async for output in self.generation:
                index, start = output.index, starts[output.index]
                tokens[index], cached[index] = output.tokens, output.cached
                if output.prompt_logprobs:
                    logprobs = scores.render_prompt(output.prompt_logprobs, text=start)
                    yield self._chunk(index, start, logprobs, None)
                logprobs = scores.render(output.logprobs, offset=len(start))
                yield self._chunk(index, output.text, logprobs, output.finish_reason)
            if self.wanted.include_usage:
                yield self._frame([], usage=self._usage(tokens, cached))
        finally:
            self.generation.cancel()

    def _start(self, prompt: TextPrompt) -> str:
        return prompt.text if self.wanted.echo else ""

    def _usage(self, tokens: Sequence[int], cached: Sequence[int]) -> dict[str, object]:
        """Counts of all that was generated; those of a prompt once, as its first choice had it."""
        return usage(
            sum(len(prompt.tokens) for prompt in self.prompts),
            sum(tokens),
            cached=sum(cached[:: self.wanted.options.n]),
        )

    def _choice(
        self,
        index: int,
        text: str,
        logprobs: scores.Logprobs,
        finish_reason: FinishReason | None,
    ) -> dict[str, object]:
        return {
            "index": index,
            "text": text,
            "logprobs": logprobs if self.wanted.logprobs else None,
            "finish_reason": finish_reason,
        }

    def _chunk(
        self,
        index: int,
        text: str,
        logprobs: scores.Logprobs,
        finish_reason: FinishReason | None,
    ) -> bytes:
        choice = self._choice(index, text, logprobs, finish_reason)
        return self._frame([choice], **({"usage": None} if self.wanted.include_usage else {}))

    def _frame(self, choices: Sequence[dict[str, object]], **fields: object) -> bytes:
        return frame(to_json(self.envelope.wrap("text_completion", choices, **fields)))
