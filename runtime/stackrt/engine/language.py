"""A language model: text in, text out, one token after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackrt.engine.artifact import DecoderArtifact, read_decoder
from stackrt.engine.conversation import ChatTemplate, ConversationWriter
from stackrt.engine.decoder import Decoder
from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.generation import Generation
from stackrt.engine.grammar import GrammarCompiler
from stackrt.engine.logprobs import PromptTranscript, Transcript
from stackrt.engine.metrics import Metrics
from stackrt.engine.options import GenerationOptions
from stackrt.engine.outbox import Outbox
from stackrt.engine.sampling import Sampler
from stackrt.engine.scheduler import Scheduler
from stackrt.engine.sequence import Output, TokenSequence
from stackrt.engine.session import Device
from stackrt.engine.stop import StopMatcher
from stackrt.engine.tokenizer import Tokenizer
from stackrt.engine.tool_choice import EmbeddingToolChoice

Prompt = list[int]


@dataclass(frozen=True, kw_only=True)
class LanguageModel:
    """Where a compiled language model is, what it is called, and how a chat is written for it.

    `slots` is how many texts it writes at once. `tool_choice` is who chooses tools, if not the
    model itself.
    """

    name: str
    path: Path
    render: ChatTemplate
    slots: int
    tool_choice: EmbeddingToolChoice | None = None

    def load(self, *, threads: int, max_queue: int, device: Device) -> LanguageEngine:
        """Reads the model's files. Raises DeviceError where `device` is missing."""
        return LanguageEngine(self, threads=threads, max_queue=max_queue, device=device)


class LanguageEngine:
    """A language model in memory, with the thread that runs it between `open` and `close`."""

    def __init__(
        self, model: LanguageModel, *, threads: int, max_queue: int, device: Device
    ) -> None:
        self.name = model.name
        self.artifact: DecoderArtifact = read_decoder(model.path)
        self.tokenizer = Tokenizer(model.path / "tokenizer.json")
        self.tool_choice = model.tool_choice
        self.conversation = ConversationWriter(model.render)
        self.grammars = GrammarCompiler(model.path, self.artifact)
        decoder = Decoder(
            model.path, self.artifact, slots=model.slots, threads=threads, device=device
        )
        self._scheduler = Scheduler(decoder, name=model.name, max_queue=max_queue)

    async def open(self) -> None:
        """Starts the thread."""
        self._scheduler.start()

    async def close(self) -> None:
        """Ends what runs with a 503, and the thread."""
        await asyncio.to_thread(self._scheduler.stop)

    @property
    def alive(self) -> bool:
        """Whether a request would be worked on."""
        return self._scheduler.alive

    def metrics(self) -> Metrics:
        """How much there is to do and was done."""
        return self._scheduler.metrics()

    @property
    def longest_prompt(self) -> int:
        """Tokens that a prompt may have and leave room for one more."""
        return self.artifact.context_length - 1

    def encode_chat(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
    ) -> Prompt:
        """The prompt that asks for the next message, which may call `tools`. Slow for long texts.

        Raises TemplateError, and TooManyTokensError for more than `longest_prompt`.
        """
        text = self.conversation.write(messages, tools)
        return self.tokenizer.encode(text, limit=self.longest_prompt, special_tokens=False)

    def encode_text(self, text: str) -> Prompt:
        """The prompt that `text` is, never empty. Raises as `encode_chat`, and is as slow."""
        bos = self.artifact.bos_token_id
        start = [bos] if bos is not None and (self.artifact.add_bos_token or not text) else []
        limit = self.longest_prompt - len(start)
        return start + self.tokenizer.encode(text, limit=limit, special_tokens=False)

    def check_room(self) -> None:
        """Raises the 429 that any `submit` would, before work is done for it."""
        self._scheduler.check_room(1)

    def submit(self, prompts: Sequence[Prompt], options: GenerationOptions) -> Generation:
        """Starts `options.n` sequences for each prompt, numbered in that order.

        Prompts have 1 to `longest_prompt` tokens of the vocabulary. Raises ApiError: 429 if
        the queue is full, 503 if the thread does not run.
        """
        outbox: Outbox[Output] = Outbox(self._scheduler.wake)
        started = [
            self._sequence(index, prompts[index // options.n], options, outbox)
            for index in range(len(prompts) * options.n)
        ]
        self._scheduler.submit(started)
        return Generation(outbox, sequences=len(started))

    def _sequence(
        self,
        index: int,
        prompt: Prompt,
        options: GenerationOptions,
        outbox: Outbox[Output],
    ) -> TokenSequence:
        room = self.artifact.context_length - len(prompt)
        vocab_size = self.artifact.vocab_size
        logprobs = options.logprobs
        grammar = options.grammar
        return TokenSequence(
            index=index,
            prompt=prompt,
            max_tokens=room if options.max_tokens is None else min(options.max_tokens, room),
            end_tokens=self.artifact.eos_token_ids | self.tokenizer.special_tokens(options.stop),
            sampler=Sampler(
                options.sampling,
                vocab_size=vocab_size,
                stream=index,
                prompt=prompt,
                constraint=None if grammar is None else grammar.constraint(),
            ),
            detokenizer=Detokenizer(
                self.tokenizer,
                starts_text=options.starts_text,
                special_tokens=grammar is not None and grammar.special_tokens,
            ),
            stop=StopMatcher(options.stop),
            transcript=None if logprobs is None else Transcript(self.tokenizer, top=logprobs),
            prompt_transcript=self._prompt_transcript(prompt, options.prompt_logprobs),
            outbox=outbox,
        )

    def _prompt_transcript(self, prompt: Prompt, top: int | None) -> PromptTranscript | None:
        return None if top is None else PromptTranscript(self.tokenizer, prompt, top=top)
