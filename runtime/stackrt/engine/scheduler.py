"""Decides which sequence a decoder works on, and does the work in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from stackrt.engine.decoder import CHUNK, Decoder
from stackrt.engine.sequence import TokenSequence
from stackrt.errors import ApiError, internal_error, too_many_requests

log = logging.getLogger(__name__)


# What a client that finds the queue full is told to wait, in seconds.
RETRY_AFTER = 2


class Scheduler:
    """Steps sequences one at a time, in the order of their arrival.

    A step is one run of the decoder: a chunk of the prompt, or one token. The sequence that holds
    the cache keeps it while it can go on. One whose consumer is behind gives way, and computes
    its part of the cache anew when its turn comes again.
    """

    def __init__(self, decoder: Decoder, *, name: str, max_queue: int) -> None:
        """`name` is the model's; `max_queue` bounds what waits behind the sequence that runs."""
        self._decoder = decoder
        self._name = name
        self._max_queue = max_queue
        self._changed = threading.Condition()
        self._sequences: list[TokenSequence] = []
        self._holder: TokenSequence | None = None
        self._running = False
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Starts the thread."""
        self._running = True
        self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the step it is at, and every sequence with a 503. Blocks."""
        with self._changed:
            self._running = False
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def wake(self) -> None:
        """Makes the thread look again at which sequences can go on."""
        with self._changed:
            self._changed.notify()

    def check_room(self, count: int) -> None:
        """Raises a 429 if `count` more sequences may not wait; any number may if none do."""
        waiting = sum(not sequence.done for sequence in self._sequences)
        if waiting and waiting + count > self._max_queue + 1:
            raise queue_full(self._name)

    def submit(self, sequences: Sequence[TokenSequence]) -> None:
        """Adds the sequences of one request. Raises a 429 if full, a 503 if stopped."""
        with self._changed:
            if not self._running:
                raise _stopped()
            self.check_room(len(sequences))
            self._sequences.extend(sequences)
            self._changed.notify()

    def _work(self) -> None:
        try:
            while (sequence := self._next()) is not None:
                self._try_step(sequence)
        finally:
            self._abandon()

    def _next(self) -> TokenSequence | None:
        """The sequence to step, as soon as there is one; None when it is time to end."""
        with self._changed:
            while self._running:
                self._sequences = [one for one in self._sequences if not one.done]
                ready = [one for one in self._sequences if one.ready]
                if ready:
                    return self._holder if self._holder in ready else ready[0]
                self._changed.wait()
        return None

    def _try_step(self, sequence: TokenSequence) -> None:
        try:
            self._step(sequence)
        except Exception:
            log.exception("%s: a request failed", self._name)
            sequence.fail(internal_error())

    def _step(self, sequence: TokenSequence) -> None:
        if sequence is not self._holder:
            self._hand_cache_to(sequence)
        chunk = sequence.tokens[sequence.computed : sequence.computed + CHUNK]
        logits = self._decoder.forward(chunk, sequence.computed)
        sequence.computed += len(chunk)
        if sequence.computed == len(sequence.tokens):
            sequence.accept(logits)

    def _hand_cache_to(self, sequence: TokenSequence) -> None:
        self._holder = sequence
        sequence.computed = self._decoder.reusable(sequence.tokens)

    def _abandon(self) -> None:
        """Ends every sequence, so that no consumer waits for a thread that is gone."""
        with self._changed:
            self._running = False
            for sequence in self._sequences:
                if not sequence.done:
                    sequence.fail(_stopped())
            self._sequences = []
            self._holder = None


def queue_full(name: str) -> ApiError:
    """429: as many requests wait for the model `name` as may."""
    return too_many_requests(f"the queue of `{name}` is full", retry_after=RETRY_AFTER)


def _stopped() -> ApiError:
    return ApiError(503, "the model is not running: the server is about to stop")
