"""Reranking: requests read, answers written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from stackrt.apis.inference import RerankRequest
from stackrt.engine.encoder import Row
from stackrt.engine.openai.fields import check_known, integer, not_supported
from stackrt.engine.openai.prompts import within_context
from stackrt.engine.rerank import RerankEngine
from stackrt.errors import bad_request

# As many as inputs of embeddings, so that what was embedded at once can be reranked at once.
MAX_ITEMS = 2048

_KNOWN = frozenset({"items", "max_num_results", "model", "query"})


async def answer(engine: RerankEngine, request: RerankRequest) -> bytes:
    """The scores of the items, the best first, encoded (Llama Stack API, rerank).

    Raises ApiError: 400 for what is wrong, 429 if the queue is full, 501 for images.
    """
    check_known(request, _KNOWN, {})
    most = integer(request, "max_num_results", low=1)
    engine.check_room()
    scores = await engine.score(await asyncio.to_thread(read_pairs, engine, request))
    ranked = sorted(range(len(scores)), key=lambda index: (-scores[index], index))
    data = [{"index": index, "relevance_score": scores[index]} for index in ranked[:most]]
    return to_json({"data": data})


def read_pairs(engine: RerankEngine, request: RerankRequest) -> list[Row]:
    """The query with each item. Raises ApiError 400, or 501 for images."""
    query = read_text(request["query"], "query")
    items = request["items"]
    if not 1 <= len(items) <= MAX_ITEMS:
        raise bad_request(f"`items` must have 1 to {MAX_ITEMS} entries", param="items")
    texts = [read_text(item, f"items.{index}") for index, item in enumerate(items)]
    with within_context(engine.artifact.max_tokens, "items"):
        return engine.encode(query, texts)


def read_text(given: str | Mapping[str, Any], param: str) -> str:
    """The text of a string or of a part of type `text`, not empty. Raises ApiError 400 or 501."""
    text = given if isinstance(given, str) else given.get("text")
    if not isinstance(given, str) and given.get("type") == "image_url":
        raise not_supported("image input", param)
    if not isinstance(text, str) or not (isinstance(given, str) or given.get("type") == "text"):
        raise bad_request(f"`{param}` must be a string or a part of type `text`", param=param)
    if not text:
        raise bad_request(f"`{param}` is empty", param=param)
    return text
