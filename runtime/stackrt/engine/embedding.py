"""An embedding model: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.artifact import EncoderArtifact, read_encoder
from stackrt.engine.encoder import EncoderRunner, Row
from stackrt.engine.encoder_text import Cut, EncoderText
from stackrt.engine.session import Device
from stackrt.engine.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class EmbeddingModel:
    """Where a compiled embedding model is, and what it is called."""

    name: str
    path: Path

    def load(self, *, threads: int, max_queue: int, device: Device) -> EmbeddingEngine:
        """Reads the model's files. Raises DeviceError where `device` is missing."""
        return EmbeddingEngine(self, threads=threads, max_queue=max_queue, device=device)


class EmbeddingEngine:
    """An embedding model in memory, with a thread that runs it batch by batch."""

    def __init__(
        self, model: EmbeddingModel, *, threads: int, max_queue: int, device: Device
    ) -> None:
        self.name = model.name
        self.artifact: EncoderArtifact = read_encoder(model.path)
        tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._text = EncoderText(tokenizer, max_tokens=self.artifact.max_tokens)
        self._runner = EncoderRunner(
            model.path,
            name=model.name,
            output="sentence_embedding",
            width=self.artifact.embedding_dimension,
            threads=threads,
            max_queue=max_queue,
            device=device,
        )

    async def open(self) -> None:
        """Nothing to do: the thread starts with the first request."""

    async def close(self) -> None:
        """Ends the thread after the batch it is at, and what waits with a 503."""
        await self._runner.close()

    @property
    def alive(self) -> bool:
        """Whether a request would be worked on."""
        return True

    def encode(self, texts: Sequence[str], *, cut: Cut | None = None) -> list[Sequence[int]]:
        """The tokens of `texts`. Slow for long ones.

        Raises TooManyTokensError for one that is too long, unless it is to be `cut`.
        """
        return [row.tokens for row in self._text.rows(texts, cut=cut)]

    def check_room(self) -> None:
        """Raises the 429 that `embed` would."""
        self._runner.check_room()

    async def embed(self, inputs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Vectors [inputs, dimension] in the order of `inputs`, of length 1 if the model's are.

        Raises a 429 if too many requests wait already.
        """
        return await self._runner.run([Row(tokens) for tokens in inputs])
