"""Tool choice by similarity: the tool whose description is most like what the user asks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from stackrt.engine.embedding import EmbeddingEngine
from stackrt.engine.tools import Tool, ToolUse


@dataclass(frozen=True, kw_only=True)
class EmbeddingToolChoice:
    """Has the embedding model `model` choose tools, and the language model fill in arguments.

    Small language models choose badly. A request calls a tool if the cosine of its vector and
    that of the tool's name and description is at least `threshold`.
    """

    model: str
    threshold: float


class ToolChooser:
    """Chooses tools with an embedding model."""

    def __init__(self, engine: EmbeddingEngine, *, threshold: float) -> None:
        self._engine = engine
        self._threshold = threshold

    async def choose(self, request: str | None, use: ToolUse) -> ToolUse | None:
        """The one tool of `use` that is to be called for what the user asks; None for none.

        `request` is None where the user has not spoken last: a tool has answered, say. Then none
        is called, unless one is required. Raises a 429 if too many requests wait.
        """
        if request is None and not use.required:
            return None
        scores = await self.similarities(request or "", use.tools)
        best = max(range(len(scores)), key=scores.__getitem__)
        if scores[best] < self._threshold and not use.required:
            return None
        return ToolUse(tools=[use.tools[best]], required=True, parallel=False)

    async def similarities(self, request: str, tools: Sequence[Tool]) -> list[float]:
        """The cosine of `request` with each of `tools`, of which texts only the start counts."""
        texts = [request, *(description(tool) for tool in tools)]
        inputs = await asyncio.to_thread(self._engine.encode, texts, cut="end")
        vectors = await self._engine.embed(inputs)
        return [float(score) for score in vectors[1:] @ vectors[0]]


def description(tool: Tool) -> str:
    """What a tool is compared by."""
    name = tool.name.replace("_", " ")
    return f"{name}: {tool.description}" if tool.description else name
