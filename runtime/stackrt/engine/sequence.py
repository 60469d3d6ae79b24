"""One text in the making: its tokens, how the next is chosen, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.logprobs import TokenLogprobs, Transcript
from stackrt.engine.outbox import Outbox
from stackrt.engine.sampling import Floats, Sampler
from stackrt.engine.stop import StopMatcher

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Output:
    """What a step adds to the text of choice `index`; the last one says why it ends.

    `tokens` counts all that were generated so far, without the one that ends a text.
    """

    index: int
    text: str
    tokens: int
    logprobs: Sequence[TokenLogprobs]
    finish_reason: FinishReason | None


class TokenSequence:
    """The state of one choice of a request; `computed` of its `tokens` are in the cache."""

    def __init__(
        self,
        *,
        index: int,
        prompt: Sequence[int],
        max_tokens: int,
        end_tokens: frozenset[int],
        sampler: Sampler,
        detokenizer: Detokenizer,
        stop: StopMatcher,
        transcript: Transcript | None,
        outbox: Outbox[Output],
    ) -> None:
        """`max_tokens` is at least 1, and leaves the prompt room in the context."""
        self.tokens = list(prompt)
        self.computed = 0
        self.finished = False
        self._index = index
        self._prompt_length = len(self.tokens)
        self._max_tokens = max_tokens
        self._end_tokens = end_tokens
        self._sampler = sampler
        self._detokenizer = detokenizer
        self._stop = stop
        self._transcript = transcript
        self._outbox = outbox

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute: the text is complete, or nobody waits for it."""
        return self.finished or self._outbox.closed

    @property
    def ready(self) -> bool:
        """Whether the next token would be taken."""
        return self._outbox.ready

    def accept(self, logits: Floats) -> None:
        """Chooses the next token and hands over the text that it completes."""
        token = self._sampler.sample(logits)
        if token in self._end_tokens:
            self._emit(self._stop.flush(), "stop")
            return
        self.tokens.append(token)
        piece = self._detokenizer.feed(token)
        if self._transcript is not None:
            self._transcript.add(token, logits, piece)
        text = self._stop.feed(piece)
        if self._stop.matched:
            self._emit(text, "stop")
        elif len(self.tokens) == self._prompt_length + self._max_tokens:
            self._emit(text + self._stop.flush(), "length")
        elif text:
            self._emit(text, None)

    def fail(self, error: Exception) -> None:
        """Ends the sequence, and with it its request, with `error`."""
        self.finished = True
        self._outbox.put(error)

    def _emit(self, text: str, finish_reason: FinishReason | None) -> None:
        self.finished = finish_reason is not None
        logprobs: Sequence[TokenLogprobs] = ()
        if self._transcript is not None:
            logprobs = self._transcript.take(text, last=self.finished, cut=self._stop.matched)
        generated = len(self.tokens) - self._prompt_length
        self._outbox.put(Output(self._index, text, generated, logprobs, finish_reason))
