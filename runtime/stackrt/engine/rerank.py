"""A cross-encoder: a query and texts in, how well each text answers the query out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stackrt.engine.artifact import RerankArtifact, read_reranker
from stackrt.engine.encoder import EncoderRunner, Row
from stackrt.engine.encoder_text import PairText
from stackrt.engine.session import Device
from stackrt.engine.tokenizer import Tokenizer


@dataclass(frozen=True, kw_only=True)
class RerankModel:
    """Where a compiled cross-encoder is, and what it is called."""

    name: str
    path: Path

    def load(self, *, threads: int, max_queue: int, device: Device) -> RerankEngine:
        """Reads the model's files. Raises DeviceError where `device` is missing."""
        return RerankEngine(self, threads=threads, max_queue=max_queue, device=device)


class RerankEngine:
    """A cross-encoder in memory, with a thread that runs it batch by batch."""

    def __init__(self, model: RerankModel, *, threads: int, max_queue: int, device: Device) -> None:
        self.name = model.name
        self.artifact: RerankArtifact = read_reranker(model.path)
        tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._text = PairText(tokenizer, max_tokens=self.artifact.max_tokens)
        self._runner = EncoderRunner(
            model.path,
            name=model.name,
            output="scores",
            width=1,
            threads=threads,
            max_queue=max_queue,
            device=device,
            token_types=self.artifact.token_types,
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

    def check_room(self) -> None:
        """Raises the 429 that `score` would."""
        self._runner.check_room()

    def encode(self, query: str, texts: Sequence[str]) -> list[Row]:
        """The query with each of `texts`. Slow for long ones. Raises TooManyTokensError."""
        return self._text.rows(query, texts)

    async def score(self, pairs: Sequence[Row]) -> list[float]:
        """How relevant each text is to its query, in the order of `pairs`; higher is better.

        Raises a 429 if too many requests wait already.
        """
        scores: list[float] = (await self._runner.run(pairs))[:, 0].tolist()
        return scores
