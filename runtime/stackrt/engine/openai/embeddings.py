"""Embeddings: requests read, answers written."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json

from stackrt.apis.inference import EmbeddingsRequest
from stackrt.engine.embedding import EmbeddingEngine
from stackrt.engine.encoder_text import Cut
from stackrt.engine.openai.fields import Fields, check_known, choice, integer
from stackrt.engine.openai.prompts import check_tokens, is_single, within_context
from stackrt.engine.tokenizer import TooManyTokensError
from stackrt.errors import bad_request

# OpenAI API reference: at most so many inputs.
MAX_INPUTS = 2048

_KNOWN = frozenset(
    {
        "dimensions",
        "encoding_format",
        "input",
        "input_type",
        "model",
        "prompt_name",
        "task_type",
        "text_truncation",
        "truncate",
        "user",
    }
)

# What a text is, as the prompts of models call it: Llama Stack's `task_type`, Cohere's and NVIDIA's
# `input_type`. A model that names no such prompt reads both alike.
_TYPES = {
    "query": ("query",),
    "search_query": ("query",),
    "document": ("document", "passage", "corpus"),
    "passage": ("document", "passage", "corpus"),
    "search_document": ("document", "passage", "corpus"),
}
_CUTS: dict[str, Cut | None] = {"none": None, "start": "start", "end": "end"}


async def answer(engine: EmbeddingEngine, request: EmbeddingsRequest, model: str) -> bytes:
    """The list of `embedding` objects that `request` asks `model` for, encoded.

    Raises ApiError: 400 for what is wrong, 429 if the queue is full.
    """
    as_base64 = read_base64(request)
    dimensions = read_dimensions(request, dimension=engine.artifact.embedding_dimension)
    prompt, cut = read_prompt(request, engine), read_cut(request)
    engine.check_room()
    inputs = await asyncio.to_thread(read_inputs, engine, request["input"], prompt, cut)
    vectors = shorten(await engine.embed(inputs), dimensions)
    tokens = sum(map(len, inputs))
    return await asyncio.to_thread(write, vectors, model=model, tokens=tokens, as_base64=as_base64)


def read_inputs(
    engine: EmbeddingEngine, given: Any, prompt: str, cut: Cut | None
) -> Sequence[Sequence[int]]:
    """The tokens of each input: one text, several, or either as tokens. Raises ApiError 400.

    `prompt` stands before each text; tokens are taken as they are.
    """
    several = [given] if is_single(given) else given
    if not 1 <= len(several) <= MAX_INPUTS:
        raise bad_request(f"`input` must have 1 to {MAX_INPUTS} entries", param="input")
    with within_context(engine.artifact.max_tokens, "input"):
        if isinstance(several[0], str):
            return _read_texts(engine, several, prompt, cut)
        return [_read_tokens(engine, tokens, cut) for tokens in several]


def _read_texts(
    engine: EmbeddingEngine, texts: list[str], prompt: str, cut: Cut | None
) -> Sequence[Sequence[int]]:
    if not all(texts):
        raise bad_request("`input` has an empty string", param="input")
    if cut == "start" and prompt:
        raise bad_request("`start` would cut the prompt of this model", param="truncate")
    return engine.encode([prompt + text for text in texts] if prompt else texts, cut=cut)


def _read_tokens(engine: EmbeddingEngine, tokens: list[int], cut: Cut | None) -> list[int]:
    check_tokens(tokens, vocab_size=engine.artifact.vocab_size, param="input")
    most = engine.artifact.max_tokens
    if len(tokens) <= most:
        return tokens
    if cut is None:
        raise TooManyTokensError(len(tokens), exact=True)
    return tokens[:most] if cut == "end" else tokens[-most:]


def read_prompt(fields: Fields, engine: EmbeddingEngine) -> str:
    """The instruction that stands before each text; empty if the model wants none.

    Raises ApiError 400 for a kind of text or a name of a prompt that there is not.
    """
    prompts = engine.artifact.prompts
    name = choice(fields, ("prompt_name",), list(prompts))
    if name is not None:
        return prompts[name]
    kind = choice(fields, ("input_type", "task_type"), list(_TYPES))
    if kind is not None:
        return next((prompts[each] for each in _TYPES[kind] if each in prompts), "")
    return prompts.get(engine.artifact.default_prompt or "", "")


def read_cut(fields: Fields) -> Cut | None:
    """Which end of a text that is too long is left out, if one is. Raises ApiError 400."""
    return _CUTS[choice(fields, ("truncate", "text_truncation"), list(_CUTS)) or "none"]


def read_dimensions(fields: Fields, *, dimension: int) -> int:
    """How long the vectors are to be; `dimension`, the model's own, if nothing is said."""
    return integer(fields, "dimensions", low=1, high=dimension) or dimension


def read_base64(fields: Fields) -> bool:
    """Whether vectors are wanted as base64. Raises ApiError 400 for other fields and formats."""
    check_known(fields, _KNOWN, {})
    wanted = fields.get("encoding_format")
    if wanted not in (None, "float", "base64"):
        raise bad_request("`encoding_format` must be `float` or `base64`", param="encoding_format")
    return wanted == "base64"


def shorten(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float32]:
    """The first `dimensions` of each vector, scaled back to unit length."""
    if dimensions == vectors.shape[1]:
        return vectors
    short = vectors[:, :dimensions]
    lengths = np.linalg.norm(short, axis=1, keepdims=True)
    unit: NDArray[np.float32] = short / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def write(vectors: NDArray[np.float32], *, model: str, tokens: int, as_base64: bool) -> bytes:
    """The list of `embedding` objects, encoded.

    Base64 is of little-endian float32; numbers have the digits that give back their float32.
    """
    # One by one, as encoding holds the GIL, and a thousand vectors would for tens of milliseconds.
    data = [
        to_json({"object": "embedding", "index": index, "embedding": _render(vector, as_base64)})
        for index, vector in enumerate(vectors)
    ]
    return b'{"object":"list","data":[%b],"model":%b,"usage":%b}' % (
        b",".join(data),
        to_json(model),
        to_json({"prompt_tokens": tokens, "total_tokens": tokens}),
    )


def _render(vector: NDArray[np.float32], as_base64: bool) -> str | list[float]:
    if as_base64:
        return base64.b64encode(vector.astype("<f4").tobytes()).decode("ascii")
    numbers: list[float] = vector.tolist()
    return numbers
