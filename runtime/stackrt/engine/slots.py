"""Which sequence holds which row of the cache, and what of it another one can take over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from stackrt.engine.cache import Cache, HostCache
from stackrt.engine.sequence import TokenSequence

Tokens = NDArray[np.int32]

# A prompt is computed from its cached beginning on, in a run of so many tokens at least: a run of
# a single one would round otherwise than the prompt does when nothing is cached.
SHORTEST_READ = 2


@dataclass(eq=False)
class Slot:
    """A row of the cache, and the `prompt` of which it holds the first `shared` positions.

    `shared` counts what was computed as prompts are, which is what others can take over.
    """

    row: int
    prompt: Tokens = field(default_factory=lambda: np.empty(0, np.int32))
    shared: int = 0
    sequence: TokenSequence | None = None
    used: int = 0

    @property
    def length(self) -> int:
        """Positions that must be kept."""
        return self.sequence.computed if self.sequence else self.shared


class Slots:
    """The rows of one cache. A prompt that is in some row already is copied, not computed.

    What a finished sequence leaves stays until its slot is the one that was not used for longest.
    """

    def __init__(self, cache: Cache, count: int) -> None:
        # Where rows can be copied and exchanged.
        self._host = cache if isinstance(cache, HostCache) else None
        self._slots = [Slot(row) for row in range(count)]
        self._clock = 0

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def free(self) -> bool:
        """Whether a sequence could get a slot."""
        return any(slot.sequence is None for slot in self._slots)

    @property
    def sequences(self) -> list[TokenSequence]:
        """Those that have slots."""
        return [slot.sequence for slot in self._slots if slot.sequence]

    def give(self, sequence: TokenSequence) -> None:
        """Gives `sequence` a free slot, best one that holds the beginning of its prompt."""
        prompt = np.array(sequence.prompt, np.int32)
        free = [slot for slot in self._slots if slot.sequence is None]
        slot = min(free, key=lambda slot: (-_continued(slot, prompt), slot.used))
        slot.shared = _common(slot, prompt) if sequence.reuses else 0
        slot.prompt, slot.sequence = prompt, sequence
        sequence.slot, sequence.computed = slot, slot.shared
        sequence.cached = max(sequence.cached, slot.shared)

    def take(self, sequence: TokenSequence) -> None:
        """Takes the slot of `sequence` away; the prompt in it stays for others."""
        slot = slot_of(sequence)
        self._clock += 1
        slot.used, slot.sequence, sequence.slot = self._clock, None, None

    def share(self, sequence: TokenSequence) -> None:
        """Copies what other rows hold of the prompt of `sequence` beyond what is computed."""
        if self._host is None or not sequence.reuses:
            return
        slot = slot_of(sequence)
        others = [other for other in self._slots if other is not slot]
        best = max(others, key=lambda other: _common(other, slot.prompt), default=slot)
        length = _common(best, slot.prompt)
        if length > sequence.computed:
            self._host.copy(best.row, slot.row, sequence.computed, length)
            sequence.computed = sequence.cached = slot.shared = length

    def computed(self, sequence: TokenSequence, count: int) -> None:
        """Notes that `count` more tokens of the prompt of `sequence` are in the cache."""
        sequence.computed += count
        slot_of(sequence).shared = sequence.computed

    def gather(self, sequences: Sequence[TokenSequence]) -> list[Slot]:
        """Slots in consecutive rows, in their order, among them all those of `sequences`.

        Where rows can be exchanged, there are no others.
        """
        wanted = [slot_of(sequence) for sequence in sequences]
        if self._host is not None:
            _close_gaps(wanted, self._slots, self._host)
        rows = [slot.row for slot in wanted]
        first, last = min(rows), max(rows)
        inside = (slot for slot in self._slots if first <= slot.row <= last)
        return sorted(inside, key=lambda slot: slot.row)


def _close_gaps(wanted: Sequence[Slot], every: Sequence[Slot], cache: HostCache) -> None:
    """Moves the outermost of the slots `wanted` inwards until their rows are consecutive."""
    while gaps := _gaps(wanted):
        low, high = min(wanted, key=_row), max(wanted, key=_row)
        outer = low if low.length < high.length else high
        inner = next(slot for slot in every if slot.row == gaps[0])
        cache.exchange(outer.row, inner.row, max(outer.length, inner.length))
        outer.row, inner.row = inner.row, outer.row


def _gaps(slots: Iterable[Slot]) -> list[int]:
    rows = {slot.row for slot in slots}
    return [row for row in range(min(rows), max(rows)) if row not in rows]


def _row(slot: Slot) -> int:
    return slot.row


def slot_of(sequence: TokenSequence) -> Slot:
    """The slot that `sequence` has."""
    if sequence.slot is None:
        raise RuntimeError("the sequence has no slot")
    return sequence.slot


def _continued(slot: Slot, prompt: Tokens) -> int:
    """How much of `prompt` the slot holds, if it holds nothing else that would be lost."""
    common = _common(slot, prompt)
    return common if common >= slot.shared - SHORTEST_READ else 0


def _common(slot: Slot, prompt: Tokens) -> int:
    """How many tokens of `prompt` are in the slot and need no computing."""
    length = max(min(slot.shared, len(prompt) - SHORTEST_READ), 0)
    different = np.flatnonzero(slot.prompt[:length] != prompt[:length])
    return int(different[0]) if len(different) else length
