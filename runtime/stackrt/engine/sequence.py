"""One text in the making: its tokens, how the next is chosen, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.logprobs import TokenLogprobs, Transcript
from stackrt.engine.outbox import Outbox
from stackrt.engine.sampling import Floats, Sampler
from stackrt.engine.stop import StopMatcher

if TYPE_CHECKING:
    from stackrt.engine.logprobs import PromptTranscript
    from stackrt.engine.slots import Slot

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Output:
    """What a step adds to the text of choice `index`; the last one says why it ends.

    `tokens` counts all that were generated so far, without the one that ends a text; `cached`
    those of the prompt that needed no computing. The first output brings `prompt_logprobs`.
    """

    index: int
    text: str
    tokens: int
    cached: int
    logprobs: Sequence[TokenLogprobs]
    prompt_logprobs: Sequence[TokenLogprobs]
    finish_reason: FinishReason | None


class TokenSequence:
    """The state of one choice of a request.

    `computed` of its `tokens` are in the cache row of its `slot`. The scheduler gives and takes
    the slot; without one nothing is computed.
    """

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
        prompt_transcript: PromptTranscript | None,
        outbox: Outbox[Output],
    ) -> None:
        """`max_tokens` leaves the prompt room in the context; 0 computes the prompt only."""
        self.prompt = prompt
        self.tokens = list(prompt)
        self.computed = 0
        self.cached = 0
        self.slot: Slot | None = None
        self.finished = False
        self._index = index
        self._max_tokens = max_tokens
        self._end_tokens = end_tokens
        self._sampler = sampler
        self._detokenizer = detokenizer
        self._stop = stop
        self._transcript = transcript
        self._prompt_transcript = prompt_transcript
        self._outbox = outbox

    @property
    def request(self) -> object:
        """The same for all sequences of one request, and for no others."""
        return self._outbox

    @property
    def done(self) -> bool:
        """Whether nothing is left to compute: the text is complete, or nobody waits for it."""
        return self.finished or self._outbox.closed

    @property
    def ready(self) -> bool:
        """Whether the next token would be taken."""
        return self._outbox.ready

    @property
    def unread(self) -> int:
        """Tokens of the prompt that are not computed."""
        return max(len(self.prompt) - self.computed, 0)

    @property
    def reuses(self) -> bool:
        """Whether a computed beginning of the prompt serves; not where all its logits are asked."""
        return self._prompt_transcript is None

    @property
    def generated(self) -> int:
        """Tokens generated so far."""
        return len(self.tokens) - len(self.prompt)

    def restart(self) -> None:
        """Notes that nothing is in the cache any more."""
        self.computed = 0

    def accept_prompt(self, start: int, logits: Floats) -> None:
        """Takes the logits [count, vocab] behind the prompt's tokens from `start` on."""
        if self._prompt_transcript is not None:
            self._prompt_transcript.add(start, logits)

    def accept(self, logits: Floats) -> None:
        """Chooses the next token by `logits` [vocab] and hands over the text that it completes."""
        if self._max_tokens == 0:
            self._emit("", "length")
            return
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
        elif self.generated == self._max_tokens:
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
        prompt_logprobs: Sequence[TokenLogprobs] = ()
        if self._prompt_transcript is not None:
            prompt_logprobs = self._prompt_transcript.take()
        self._outbox.put(
            Output(
                index=self._index,
                text=text,
                tokens=self.generated,
                cached=self.cached,
                logprobs=logprobs,
                prompt_logprobs=prompt_logprobs,
                finish_reason=finish_reason,
            )
        )
