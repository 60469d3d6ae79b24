"""The fields that requests for chats and for texts have in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stackrt.engine.openai.fields import Fields, integer, number
from stackrt.engine.options import GenerationOptions
from stackrt.engine.sampling import LogitBias, SamplingParameters
from stackrt.errors import bad_request

# OpenAI API reference: at most so many stop strings and choices.
MAX_STOPS = 4
MAX_CHOICES = 128

# What logits are divided and multiplied by, within what leaves them finite.
MIN_REPETITION, MAX_REPETITION = 0.01, 100

# Fields that `generation_options` and the endpoints read.
KNOWN = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_tokens",
        "min_p",
        "model",
        "n",
        "presence_penalty",
        "repetition_penalty",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "top_k",
        "top_p",
        "user",
    }
)


def generation_options(
    fields: Fields,
    *,
    vocab_size: int,
    max_tokens: int | None,
    logprobs: int | None,
    starts_text: bool = False,
) -> GenerationOptions:
    """The options in a request. Raises a 400 that names the field at fault."""
    return GenerationOptions(
        sampling=_sampling(fields, vocab_size),
        n=integer(fields, "n", low=1, high=MAX_CHOICES) or 1,
        max_tokens=max_tokens,
        stop=_stop(fields),
        logprobs=logprobs,
        starts_text=starts_text,
    )


def _sampling(fields: Fields, vocab_size: int) -> SamplingParameters:
    return SamplingParameters(
        temperature=number(fields, "temperature", default=1, low=0, high=2),
        top_p=number(fields, "top_p", default=1, low=0, high=1),
        top_k=integer(fields, "top_k", low=0) or 0,
        min_p=number(fields, "min_p", default=0, low=0, high=1),
        frequency_penalty=number(fields, "frequency_penalty", default=0, low=-2, high=2),
        presence_penalty=number(fields, "presence_penalty", default=0, low=-2, high=2),
        repetition_penalty=number(
            fields, "repetition_penalty", default=1, low=MIN_REPETITION, high=MAX_REPETITION
        ),
        logit_bias=_logit_bias(fields, vocab_size),
        seed=integer(fields, "seed", low=-(2**63), high=2**64 - 1),
    )


def _logit_bias(fields: Fields, vocab_size: int) -> LogitBias | None:
    given = fields.get("logit_bias")
    if not given:
        return None
    if not isinstance(given, Mapping):
        raise bad_request("`logit_bias` must be an object", param="logit_bias")
    named = {f"logit_bias.{key}": value for key, value in given.items()}
    return LogitBias(
        np.array([_token(key, vocab_size) for key in given]),
        np.array([number(named, name, default=0, low=-100, high=100) for name in named], "f4"),
    )


def _token(key: str, vocab_size: int) -> int:
    if key.isdecimal() and len(key) < 10 and int(key) < vocab_size:
        return int(key)
    raise bad_request(
        f"`logit_bias` names `{key[:20]}`, which is not a token from 0 to {vocab_size - 1}",
        param="logit_bias",
    )


def _stop(fields: Fields) -> tuple[str, ...]:
    given = fields.get("stop")
    if given is None:
        return ()
    stops = [given] if isinstance(given, str) else given
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise bad_request("`stop` must be a string or strings, none of them empty", param="stop")
    if len(stops) > MAX_STOPS:
        raise bad_request(f"`stop` has more than {MAX_STOPS} strings", param="stop")
    return tuple(stops)


def include_usage(fields: Fields) -> bool:
    """Whether a stream ends with its token counts. Raises a 400 without a stream."""
    given = fields.get("stream_options")
    if given is None:
        return False
    if not fields.get("stream"):
        raise bad_request(
            "`stream_options` is only allowed when `stream` is true", param="stream_options"
        )
    return isinstance(given, Mapping) and bool(given.get("include_usage"))
