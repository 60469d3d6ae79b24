"""Prompts that ask for what a text has between its beginning and its end."""

from __future__ import annotations

from stackrt.engine.language import LanguageEngine
from stackrt.engine.openai.prompts import TextPrompt, within_context
from stackrt.engine.tokenizer import TooManyTokensError
from stackrt.errors import bad_request


def fill(engine: LanguageEngine, prompt: TextPrompt, suffix: str) -> TextPrompt:
    """The prompt for what comes between `prompt` and `suffix`.

    The order is prefix, suffix, middle (Bavarian et al. 2022). Raises ApiError 400 for a model
    without tokens for that, and for what does not fit into its context.
    """
    marks = engine.artifact.fill_tokens
    if marks is None:
        raise bad_request(
            "`suffix` needs a model that was trained to fill gaps, and this one was not",
            param="suffix",
        )
    limit = engine.longest_prompt
    start, before = _parted(engine, prompt)
    with within_context(engine.artifact.context_length, "prompt"):
        after = engine.tokenizer.encode(suffix, limit=limit, special_tokens=False)
        tokens = [*start, marks.prefix, *before, marks.suffix, *after, marks.middle]
        if len(tokens) > limit:
            raise TooManyTokensError(len(tokens), exact=True)
    return TextPrompt(prompt.text, tokens)


def _parted(engine: LanguageEngine, prompt: TextPrompt) -> tuple[list[int], list[int]]:
    """The token that opens every text of the model, if any, and the tokens of the text itself."""
    opens = engine.artifact.add_bos_token and prompt.tokens[0] == engine.artifact.bos_token_id
    start = prompt.tokens[:1] if opens else []
    return start, prompt.tokens[len(start) :] if prompt.text else []
