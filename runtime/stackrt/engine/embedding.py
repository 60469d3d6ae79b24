"""An embedding model: texts in, vectors out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.artifact import EncoderArtifact, read_encoder
from stackrt.engine.scheduler import queue_full
from stackrt.engine.session import Device, open_session
from stackrt.engine.tokenizer import Tokenizer

# Padded tokens in one run: as fast as more, and it bounds the memory of the run.
BATCH_TOKENS = 1024


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
        self._tokenizer = Tokenizer(model.path / "tokenizer.json")
        self._session = open_session(model.path / "model.onnx", threads=threads, device=device)
        self._max_queue = max_queue
        self._requests = 0
        self._executor = self._new_executor()

    def _new_executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix=self.name)

    async def open(self) -> None:
        """Nothing to do: the thread starts with the first request."""

    async def close(self) -> None:
        """Ends the thread after the batch it is at."""
        executor, self._executor = self._executor, self._new_executor()
        await asyncio.to_thread(executor.shutdown)

    @property
    def alive(self) -> bool:
        """Whether a request would be worked on."""
        return True

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of `texts`. Slow for long ones. Raises TooManyTokensError."""
        return self._tokenizer.encode_all(
            texts, limit=self.artifact.max_tokens, special_tokens=True
        )

    def check_room(self) -> None:
        """Raises the 429 that `embed` would."""
        if self._requests > self._max_queue:
            raise queue_full(self.name)

    async def embed(self, inputs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Vectors [inputs, dimension] of unit length, in the order of `inputs`.

        Requests take turns batch by batch. Raises a 429 if too many wait already.
        """
        self.check_room()
        self._requests += 1
        try:
            return await self._embed(inputs)
        finally:
            self._requests -= 1

    async def _embed(self, inputs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        loop = asyncio.get_running_loop()
        vectors = np.empty((len(inputs), self.artifact.embedding_dimension), np.float32)
        for batch in batches([len(tokens) for tokens in inputs]):
            rows = [inputs[index] for index in batch]
            vectors[batch] = await loop.run_in_executor(self._executor, self._run, rows)
        return vectors

    def _run(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        tokens = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(tokens)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        feed = {"input_ids": tokens, "attention_mask": mask}
        vectors: NDArray[np.float32] = self._session.run(["sentence_embedding"], feed)[0]
        return vectors


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of `lengths` in groups of like length, each of BATCH_TOKENS or a single one."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batch and lengths[batch[0]] * (len(batch) + 1) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
