"""How a text is to be generated, and what is to be reported about it."""

from __future__ import annotations

from dataclasses import dataclass

from stackrt.engine.grammar import Grammar
from stackrt.engine.sampling import SamplingParameters


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """How to continue a prompt.

    `max_tokens` None is up to the end of the context. `logprobs` None reports none, and otherwise
    those of the chosen token and of so many likeliest ones; `prompt_logprobs` the same for the
    prompt's tokens. `starts_text` if the text stands by itself and does not go on from the prompt's.
    `grammar` None allows any text.
    """

    sampling: SamplingParameters
    n: int
    max_tokens: int | None
    stop: tuple[str, ...]
    logprobs: int | None
    prompt_logprobs: int | None = None
    starts_text: bool = False
    grammar: Grammar | None = None
