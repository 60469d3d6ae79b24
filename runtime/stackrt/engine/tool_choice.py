"""Tool choice by similarity: the tool whose description is most like what the user asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.embedding import EmbeddingEngine
from stackrt.engine.tools import Tool, ToolUse

# Vectors of texts of tools that are kept: some megabytes.
MAX_KNOWN = 1024


@dataclass(frozen=True, kw_only=True)
class EmbeddingToolChoice:
    """Has the embedding model `model` choose tools, and the language model fill in arguments.

    Small language models choose badly. A request calls a tool if the cosine of its vector and
    that of the tool's name and description is at least `threshold`.
    """

    model: str
    threshold: float


class ToolChooser:
    """Chooses tools with an embedding model.

    An agent sends the same tools with every turn, so the vectors of their texts are kept.
    """

    def __init__(self, engine: EmbeddingEngine, *, threshold: float) -> None:
        self._engine = engine
        self._threshold = threshold
        self._known: dict[str, NDArray[np.float32]] = {}

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
        described = [description(tool) for tool in tools]
        known = {text: self._known[text] for text in described if text in self._known}
        new = [text for text in dict.fromkeys(described) if text not in known]
        inputs = await asyncio.to_thread(self._engine.encode, [request, *new], cut="end")
        asked, *found = await self._engine.embed(inputs)
        known |= dict(zip(new, found, strict=True))
        self._keep(known)
        return [float(known[text] @ asked) for text in described]

    def _keep(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Remembers vectors; those of texts that were not asked for the longest time go first."""
        for text, vector in vectors.items():
            self._known.pop(text, None)
            self._known[text] = vector
        for text in list(self._known)[: max(0, len(self._known) - MAX_KNOWN)]:
            del self._known[text]


def description(tool: Tool) -> str:
    """What a tool is compared by."""
    name = tool.name.replace("_", " ")
    return f"{name}: {tool.description}" if tool.description else name
