"""Log probabilities of the chosen tokens and of those beside them, handed out with their text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stackrt.engine.sampling import Floats, likeliest, log_softmax
from stackrt.engine.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token as it is spelled, and the natural logarithm of its probability."""

    spelling: bytes
    logprob: float

    @property
    def text(self) -> str:
        """The spelling as text; bytes that are no character show as `\\xe2`."""
        return self.spelling.decode(errors="backslashreplace")


@dataclass(frozen=True, slots=True)
class TokenLogprobs:
    """A chosen token, the likeliest ones in its place, and where its text starts and ends."""

    chosen: TokenLogprob
    top: Sequence[TokenLogprob]
    start: int
    end: int


class Transcript:
    """Keeps the log probabilities of a sequence until the text of their tokens is handed out.

    They are those of the model: before penalties, bias, temperature and truncation.
    """

    def __init__(self, tokenizer: Tokenizer, *, top: int) -> None:
        self._tokenizer = tokenizer
        self._top = top
        self._waiting: list[TokenLogprobs] = []
        self._decoded = 0
        self._taken = 0

    def add(self, token: int, logits: Floats, text: str) -> None:
        """Notes that `token` was chosen under `logits` and completes `text`."""
        logprobs = log_softmax(logits)
        start, self._decoded = self._decoded, self._decoded + len(text)
        self._waiting.append(
            TokenLogprobs(
                chosen=self._entry(token, logprobs),
                top=[self._entry(other, logprobs) for other in likeliest(logprobs, self._top)],
                start=start,
                end=self._decoded,
            )
        )

    def take(self, text: str, *, last: bool, cut: bool) -> Sequence[TokenLogprobs]:
        """The tokens of `text`, which follows what was taken before.

        The `last` text takes all that wait, except where a stop string `cut` it: then those that
        start behind it are left out.
        """
        self._taken += len(text)
        if cut:
            taken = [entry for entry in self._waiting if entry.start < self._taken]
        elif last:
            taken = self._waiting
        else:
            taken = [entry for entry in self._waiting if entry.end <= self._taken]
        self._waiting = self._waiting[len(taken) :]
        return taken

    def _entry(self, token: int, logprobs: Floats) -> TokenLogprob:
        return TokenLogprob(self._tokenizer.spelling(token), float(logprobs[token]))
