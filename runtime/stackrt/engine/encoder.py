"""Runs encoders: what waits together runs together, and requests take turns batch by batch."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.scheduler import queue_full
from stackrt.engine.session import Device, open_session
from stackrt.errors import ApiError

# Padded tokens in one run. From 128 to 512 are as fast as any number, and from 1024 on slower: what
# a layer makes no longer stays in the processor's cache. Fewer also keep a turn short.
BATCH_TOKENS = 256
# How many times as long as another a row of the same batch may be, as the rest is padding; rows of
# fewer tokens than this count as so long, since a small run takes as long as reading the weights.
SPREAD = 1.5
SHORT = 16

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Row:
    """The tokens of one text, or of two: from index `second` on they are the other text's."""

    tokens: Sequence[int]
    second: int | None = None


class EncoderRunner:
    """An encoder's graph and the thread that runs it.

    A lone request runs at once. Those that come meanwhile wait, and rows of like length share the
    next run, whichever request they are of. Requests take turns, so a long one delays nobody by
    more than a batch. Methods may be called from any event loop.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        output: str,
        width: int,
        threads: int,
        max_queue: int,
        device: Device,
        token_types: bool = False,
    ) -> None:
        self._session = open_session(folder / "model.onnx", threads=threads, device=device)
        self._name = name
        self._output = output
        self._width = width
        self._max_queue = max_queue
        self._token_types = token_types
        self._requests = 0
        self._lock = threading.Lock()
        self._jobs: deque[_Job] = deque()
        self._busy = False
        self._executor = self._new_executor()

    async def close(self) -> None:
        """Ends the thread after the batch it is at, and what waits with a 503."""
        with self._lock:
            jobs = [job for job in self._jobs if job.waiting]
        for job in jobs:
            job.fail(_stopped())
        executor, self._executor = self._executor, self._new_executor()
        await asyncio.to_thread(executor.shutdown)

    def check_room(self) -> None:
        """Raises the 429 that `run` would."""
        if self._requests > self._max_queue:
            raise queue_full(self._name)

    async def run(self, rows: Sequence[Row]) -> Floats:
        """The graph's output for each row: [rows, width], in their order.

        Raises a 429 if too many requests wait already, a 503 when the server is about to stop.
        """
        self.check_room()
        if not rows:
            return np.empty((0, self._width), np.float32)
        self._requests += 1
        job = _Job(rows, self._width)
        try:
            self._submit(job)
            return await asyncio.wrap_future(job.result)
        finally:
            job.result.cancel()
            self._requests -= 1

    def _new_executor(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix=self._name)

    def _submit(self, job: _Job) -> None:
        with self._lock:
            self._jobs.append(job)
            if not self._busy:
                self._busy = True
                self._executor.submit(self._work)

    def _work(self) -> None:
        """Runs batches until nothing waits."""
        while batch := self._next_batch():
            try:
                self._run(batch)
            except Exception as error:
                for job, _ in batch:
                    job.fail(error)

    def _next_batch(self) -> list[tuple[_Job, int]]:
        """Rows to run, as jobs and the indices of their rows."""
        with self._lock:
            self._jobs = deque(job for job in self._jobs if not job.done)
            batch = next_batch(self._jobs)
            self._busy = bool(batch)
            # The turn is the next one's; a job is dropped once it is done.
            self._jobs.rotate(-1)
            return batch

    def _run(self, batch: Sequence[tuple[_Job, int]]) -> None:
        values = self._session.run([self._output], self._feed([job.rows[i] for job, i in batch]))[0]
        finite = np.isfinite(values).all(axis=1)
        for (job, index), row, valid in zip(batch, values, finite, strict=True):
            if not valid:
                job.fail(RuntimeError(f"`{self._name}` gave numbers that are not finite"))
            job.finish(index, row)

    def _feed(self, rows: Sequence[Row]) -> dict[str, Any]:
        longest = max(len(row.tokens) for row in rows)
        tokens = np.zeros((len(rows), longest), np.int64)
        feed = {"input_ids": tokens, "attention_mask": np.zeros_like(tokens)}
        if self._token_types:
            feed["token_type_ids"] = np.zeros_like(tokens)
        for index, row in enumerate(rows):
            length = len(row.tokens)
            tokens[index, :length] = row.tokens
            feed["attention_mask"][index, :length] = 1
            if self._token_types and row.second is not None:
                feed["token_type_ids"][index, row.second : length] = 1
        return feed


class _Job:
    """The rows of one request, the longest first, and the results so far."""

    def __init__(self, rows: Sequence[Row], width: int) -> None:
        self.rows = rows
        self.waiting = deque(
            sorted(range(len(rows)), key=lambda index: len(rows[index].tokens), reverse=True)
        )
        self.result: Future[Floats] = Future()
        self._values = np.empty((len(rows), width), np.float32)
        self._missing = len(rows)

    @property
    def done(self) -> bool:
        """Whether nothing of it is left to start, or nobody wants it any more."""
        return not self.waiting or self.result.done()

    @property
    def next_length(self) -> int:
        """Tokens of the row whose turn is next."""
        return len(self.rows[self.waiting[0]].tokens)

    def finish(self, index: int, values: Floats) -> None:
        """Takes the result of a row."""
        self._values[index] = values
        self._missing -= 1
        if not self._missing:
            with suppress(InvalidStateError):  # cancelled, or failed with another row
                self.result.set_result(self._values)

    def fail(self, error: Exception) -> None:
        """Ends it, unless it is over."""
        with suppress(InvalidStateError):
            self.result.set_exception(error)


def next_batch(jobs: Sequence[_Job]) -> list[tuple[_Job, int]]:
    """Takes the next rows of the first job, and rows of others that are about as long.

    The padded batch has at most BATCH_TOKENS tokens, or a single row.
    """
    batch: list[tuple[_Job, int]] = []
    shortest = longest = 0
    for job in jobs:
        while job.waiting:
            length = max(job.next_length, SHORT)
            low, high = min(shortest or length, length), max(longest, length)
            fits = high * (len(batch) + 1) <= BATCH_TOKENS and high <= SPREAD * low
            if batch and not fits:
                break
            batch.append((job, job.waiting.popleft()))
            shortest, longest = low, high
    return batch


def _stopped() -> ApiError:
    return ApiError(503, "the model is not running: the server is about to stop")
