"""The `logprobs` object of text completions, and which of several completions is the best."""

from __future__ import annotations

from collections.abc import Sequence

from stackrt.engine.logprobs import TokenLogprobs
from stackrt.engine.openai.answers import Choice

Logprobs = dict[str, list[object]]


def render(entries: Sequence[TokenLogprobs], *, offset: int) -> Logprobs:
    """The object for tokens whose text starts at `offset` of the choice's.

    The chosen token is among the likeliest ones, as one more if need be; the first token of a
    prompt has null for both (OpenAI API reference, the completion object).
    """
    return {
        "tokens": [entry.chosen.text for entry in entries],
        "token_logprobs": [entry.chosen.logprob for entry in entries],
        "top_logprobs": [_likeliest(entry) for entry in entries],
        "text_offset": [offset + entry.start for entry in entries],
    }


def render_prompt(entries: Sequence[TokenLogprobs], *, text: str) -> Logprobs:
    """The object for the tokens of a prompt that is echoed as `text`.

    A token that opens a text, and the space that SentencePiece puts in front, are not in `text`:
    it is the end of what the tokens spell.
    """
    rendered = render(entries, offset=0)
    unseen = max(0, entries[-1].end - len(text))
    rendered["text_offset"] = [max(0, entry.start - unseen) for entry in entries]
    return rendered


def joined(first: Logprobs, second: Logprobs) -> Logprobs:
    """One object for the tokens of both."""
    return {name: first[name] + second[name] for name in first}


def _likeliest(entry: TokenLogprobs) -> dict[str, float | None] | None:
    if entry.chosen.logprob is None:
        return None
    return {other.text: other.logprob for other in (*entry.top, entry.chosen)}


def best(choices: Sequence[Choice], count: int) -> list[Choice]:
    """The `count` of highest log probability per token, highest first; of equal ones the first."""
    return sorted(choices, key=_mean, reverse=True)[:count]


def _mean(choice: Choice) -> float:
    """The mean log probability of the tokens; a text without any is the worst."""
    logprobs = [entry.chosen.logprob for entry in choice.logprobs]
    rated = [logprob for logprob in logprobs if logprob is not None]
    return sum(rated) / len(rated) if rated else float("-inf")
