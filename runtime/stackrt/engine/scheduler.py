"""Decides what a decoder computes next, and does the work in a thread of its own."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence

from stackrt.engine.decoder import CHUNK, Decoder
from stackrt.engine.metrics import Meter, Metrics
from stackrt.engine.sampling import Floats
from stackrt.engine.sequence import TokenSequence
from stackrt.engine.slots import SHORTEST_READ, Slots, slot_of
from stackrt.errors import ApiError, internal_error, too_many_requests

log = logging.getLogger(__name__)

# What a client that finds the queue full is told to wait, in seconds.
RETRY_AFTER = 2

# Tokens of a prompt that are read between two tokens of the texts that others are writing: enough
# to keep most of the speed of reading, and so few that a stream goes on at a third of its pace.
CHUNK_BESIDE_OTHERS = 32


class Scheduler:
    """Continuous batching: sequences join and leave a running batch between two steps.

    A step reads a piece of one prompt, then writes one token of every text that is past its
    prompt. Sequences get slots in the order of their arrival, those of the request that has the
    fewest first. One whose consumer is behind pauses; it loses its slot if another one needs it,
    and is computed anew, as it was before, when its consumer reads on.
    """

    def __init__(self, decoder: Decoder, *, name: str, max_queue: int) -> None:
        """`name` is the model's; `max_queue` bounds the sequences that wait for a slot."""
        self._decoder = decoder
        self._slots = Slots(decoder.cache, decoder.slots)
        self._name = name
        self._most = max_queue + decoder.slots
        self._changed = threading.Condition()
        self._sequences: list[TokenSequence] = []
        self._meter = Meter()
        self._steps = 0
        self._running = False
        self._thread: threading.Thread | None = None

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def metrics(self) -> Metrics:
        """How much there is to do and was done."""
        with self._changed:
            unfinished = [sequence for sequence in self._sequences if not sequence.done]
        active = sum(sequence.slot is not None for sequence in unfinished)
        waiting = len(unfinished) - active
        return self._meter.read(slots=len(self._slots), active=active, waiting=waiting)

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
        """Raises a 429 if `count` more sequences may not wait; any number may if there is none."""
        unfinished = sum(not sequence.done for sequence in self._sequences)
        if unfinished and unfinished + count > self._most:
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
            self._decoder.warm_up()
            while ready := self._next():
                self._step(ready)
        finally:
            self._abandon()

    def _next(self) -> list[TokenSequence]:
        """The sequences to step, as soon as there are any; none when it is time to end."""
        with self._changed:
            while self._running:
                self._drop_done()
                self._give_slots()
                ready = [one for one in self._slots.sequences if one.ready]
                if ready:
                    return ready
                self._changed.wait()
        return []

    def _drop_done(self) -> None:
        for sequence in self._sequences:
            if sequence.done and sequence.slot is not None:
                self._slots.take(sequence)
        self._sequences = [one for one in self._sequences if not one.done]

    def _give_slots(self) -> None:
        """Gives free slots, then those of sequences that pause, to those that could go on."""
        held = Counter(sequence.request for sequence in self._slots.sequences)
        waiting = [one for one in self._sequences if one.slot is None and one.ready]
        while waiting and (self._slots.free or self._take_from_paused()):
            sequence = min(waiting, key=lambda one: held[one.request])
            waiting.remove(sequence)
            held[sequence.request] += 1
            self._slots.give(sequence)

    def _take_from_paused(self) -> bool:
        paused = next((one for one in self._slots.sequences if not one.ready), None)
        if paused is None:
            return False
        self._slots.take(paused)
        paused.restart()
        return True

    def _step(self, ready: Sequence[TokenSequence]) -> None:
        self._steps += 1
        reading = [sequence for sequence in ready if sequence.unread]
        writing = [sequence for sequence in ready if not sequence.unread]
        if reading:
            self._read(self._chosen(reading), CHUNK_BESIDE_OTHERS if writing else CHUNK)
        if writing:
            self._write(writing)

    def _chosen(self, reading: Sequence[TokenSequence]) -> TokenSequence:
        """In turns the prompt that is nearest to its end, for its speed, and the oldest one.

        The first alone would let a long prompt wait for as long as shorter ones arrive.
        """
        if self._steps % 2:
            return min(reading, key=lambda sequence: sequence.unread)
        return min(reading, key=self._sequences.index)

    def _read(self, sequence: TokenSequence, most: int) -> None:
        """Computes the next piece of a prompt, and behind the last one chooses a token."""
        try:
            self._slots.share(sequence)
            piece = self._piece(sequence, most)
            start, row = sequence.computed, slot_of(sequence).row
            every = not sequence.reuses
            logits = self._decoder.read(piece, row=row, position=start, all_logits=every)
            self._slots.computed(sequence, len(piece))
            if every:
                sequence.accept_prompt(start, logits)
        except Exception as error:
            self._fail([sequence], error)
            return
        if sequence.computed == len(sequence.tokens):
            self._meter.prompt(len(sequence.prompt), cached=sequence.cached)
            self._accept(sequence, logits[-1])

    def _piece(self, sequence: TokenSequence, most: int) -> Sequence[int]:
        """At most `most` tokens, and not so many that a single one would be left for the next."""
        size = min(sequence.unread, most)
        if 0 < sequence.unread - size < SHORTEST_READ:
            size -= SHORTEST_READ - 1
        return sequence.prompt[sequence.computed : sequence.computed + size]

    def _write(self, writing: Sequence[TokenSequence]) -> None:
        """Computes the next token of each text; chooses one behind those that have no next."""
        try:
            slots = self._slots.gather(writing)
            # Rows between them that are not to be computed get a token behind what they hold.
            tokens = {one.slot: one.tokens[one.computed] for one in writing}
            logits = self._decoder.write(
                [tokens.get(slot, 0) for slot in slots],
                first=slots[0].row,
                positions=[slot.length for slot in slots],
            )
        except Exception as error:
            self._fail(writing, error)
            return
        for sequence in writing:
            sequence.computed += 1
            if sequence.computed == len(sequence.tokens):
                self._accept(sequence, logits[slots.index(slot_of(sequence))])

    def _accept(self, sequence: TokenSequence, logits: Floats) -> None:
        # Before the text is handed out, so that who has it finds it counted.
        self._meter.generated(1)
        try:
            sequence.accept(logits)
        except ApiError as error:
            # What the request asks for cannot be gone on with.
            sequence.fail(error)
        except Exception as error:
            self._fail([sequence], error)

    def _fail(self, sequences: Sequence[TokenSequence], error: Exception) -> None:
        log.error("%s: a request failed", self._name, exc_info=error)
        for sequence in sequences:
            sequence.fail(internal_error())

    def _abandon(self) -> None:
        """Ends every sequence, so that no consumer waits for a thread that is gone."""
        with self._changed:
            self._running = False
            for sequence in self._sequences:
                if not sequence.done:
                    sequence.fail(_stopped())
                if sequence.slot is not None:
                    self._slots.take(sequence)
            self._sequences = []


def queue_full(name: str) -> ApiError:
    """429: as many requests wait for the model `name` as may."""
    return too_many_requests(f"the queue of `{name}` is full", retry_after=RETRY_AFTER)


def _stopped() -> ApiError:
    return ApiError(503, "the model is not running: the server is about to stop")
