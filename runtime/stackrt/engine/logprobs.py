"""Log probabilities of the chosen tokens and of those beside them, handed out with their text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.sampling import Floats, likeliest, log_total
from stackrt.engine.tokenizer import Tokenizer

# What stands for the logarithm of no probability at all, which JSON has no number for (OpenAI API
# reference, log probabilities of tokens).
LEAST = -9999.0


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token as it is spelled, and the natural logarithm of its probability.

    It is None for the first token of a prompt, which nothing comes before.
    """

    spelling: bytes
    logprob: float | None

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
        self._rater = _Rater(tokenizer, top)
        self._waiting: list[TokenLogprobs] = []
        self._decoded = 0
        self._taken = 0

    def add(self, token: int, logits: Floats, text: str) -> None:
        """Notes that `token` was chosen under `logits` and completes `text`."""
        start, self._decoded = self._decoded, self._decoded + len(text)
        chosen, top = self._rater.rate(token, logits)
        self._waiting.append(TokenLogprobs(chosen, top, start, self._decoded))

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


class PromptTranscript:
    """Makes the log probabilities of a prompt's tokens of the logits behind those before them.

    Their text is that of the prompt with the names of special tokens.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int], *, top: int) -> None:
        """`prompt` has at least one token."""
        self._rater = _Rater(tokenizer, top)
        self._prompt = prompt
        self._detokenizer = Detokenizer(tokenizer, starts_text=True, special_tokens=True)
        self._decoded = 0
        self._rated = 0
        self._made: list[TokenLogprobs] = []
        self._append(prompt[0], TokenLogprob(tokenizer.spelling(prompt[0]), None), ())

    def add(self, start: int, logits: Floats) -> None:
        """Takes logits [count, vocab], of which row i are those behind token `start + i`.

        Rows come in order; where they come again, as a prompt is computed anew, they say nothing
        new. That behind the last token tells of none in the prompt. Raises InvalidLogitsError.
        """
        known = self._rated - 1 - start
        for row, token in zip(logits[known:], self._prompt[self._rated :], strict=False):
            self._append(token, *self._rater.rate(token, row))

    def take(self) -> Sequence[TokenLogprobs]:
        """What was made since this was last asked."""
        made, self._made = self._made, []
        return made

    def _append(self, token: int, chosen: TokenLogprob, top: Sequence[TokenLogprob]) -> None:
        start = self._decoded
        self._decoded += len(self._detokenizer.feed(token))
        self._rated += 1
        self._made.append(TokenLogprobs(chosen, top, start, self._decoded))


class _Rater:
    """Tells how likely tokens were, and which the `top` likeliest ones were."""

    def __init__(self, tokenizer: Tokenizer, top: int) -> None:
        self._tokenizer = tokenizer
        self._top = top

    def rate(self, token: int, logits: Floats) -> tuple[TokenLogprob, list[TokenLogprob]]:
        """`token` and the likeliest under `logits` [vocab]. Raises InvalidLogitsError."""
        total = log_total(logits)
        return (
            self._entry(token, logits, total),
            [self._entry(int(other), logits, total) for other in likeliest(logits, self._top)],
        )

    def _entry(self, token: int, logits: Floats, total: float) -> TokenLogprob:
        logprob = max(float(logits[token]) - total, LEAST)
        return TokenLogprob(self._tokenizer.spelling(token), logprob)
