"""Whatever comes, goes and moves: each row holds what its sequence has computed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stackrt.engine.artifact import DecoderArtifact
from stackrt.engine.cache import HostCache
from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.outbox import Outbox
from stackrt.engine.sampling import Sampler, SamplingParameters
from stackrt.engine.sequence import Output, TokenSequence
from stackrt.engine.slots import Slots, slot_of
from stackrt.engine.stop import StopMatcher
from stackrt.engine.tokenizer import Tokenizer
from stackrt.lifecycle import StartError

COUNT = 4
CONTEXT = 12
ARTIFACT = DecoderArtifact(
    vocab_size=3,
    context_length=CONTEXT,
    layers=1,
    kv_heads=2,
    head_dim=1,
    kv_dtype="float32",
    bos_token_id=None,
    eos_token_ids=frozenset(),
    add_bos_token=False,
)
# Few tokens, so that prompts often begin alike.
PROMPTS = st.lists(st.integers(1, 2), min_size=1, max_size=8)
DO = st.sampled_from(["come", "read", "read", "write", "write", "go"])


class Recorder(HostCache):
    """A cache that shows its rows, and into which a test writes what a decoder would."""

    def fill(self, row: int, tokens: Sequence[int], start: int, stop: int) -> None:
        for position in range(start, stop):
            self._buffers["0.key"][row, :, position] = spelled(tokens[: position + 1])

    def holds(self, row: int, tokens: Sequence[int], length: int) -> bool:
        wanted = [spelled(tokens[: position + 1]) for position in range(length)]
        return bool((self._buffers["0.key"][row, :, :length, 0] == np.array(wanted)).all())


def spelled(tokens: Sequence[int]) -> float:
    """A number that tells one text from all others; exact in float32."""
    return float(sum(token * 3**index for index, token in enumerate(tokens)))


def sequence(prompt: list[int], tokenizer: Tokenizer) -> TokenSequence:
    outbox: Outbox[Output] = Outbox(lambda: None)
    return TokenSequence(
        index=0,
        prompt=prompt,
        max_tokens=CONTEXT - len(prompt),
        end_tokens=frozenset(),
        sampler=Sampler(SamplingParameters(), vocab_size=3, stream=0),
        detokenizer=Detokenizer(tokenizer),
        stop=StopMatcher(()),
        transcript=None,
        prompt_transcript=None,
        outbox=outbox,
    )


def come(slots: Slots, prompt: list[int], tokenizer: Tokenizer) -> None:
    if slots.free:
        slots.give(sequence(prompt, tokenizer))


def read(slots: Slots, cache: Recorder, one: TokenSequence, count: int) -> None:
    slots.share(one)
    assert one.unread >= min(2, len(one.prompt))
    start = one.computed
    count = one.unread if one.unread - count < 2 else count
    cache.fill(slot_of(one).row, one.prompt, start, start + count)
    slots.computed(one, count)


def write(slots: Slots, cache: Recorder, writing: list[TokenSequence]) -> None:
    gathered = slots.gather(writing)
    rows = [slot.row for slot in gathered]
    assert rows == list(range(rows[0], rows[0] + len(writing)))
    assert {slot.sequence for slot in gathered} == set(writing)
    for one in writing:
        one.tokens.append(1 + len(one.tokens) % 2)
        cache.fill(slot_of(one).row, one.tokens, one.computed, one.computed + 1)
        one.computed += 1


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(st.tuples(DO, PROMPTS, st.integers(0, COUNT - 1)), max_size=40))
def test_rows_hold_what_was_computed(
    steps: list[tuple[str, list[int], int]], tokenizer: Tokenizer
) -> None:
    cache = Recorder(ARTIFACT, slots=COUNT)
    slots = Slots(cache, COUNT)

    async def run() -> None:
        for do, prompt, which in steps:
            running = slots.sequences
            reading = [one for one in running if one.unread]
            writing = [one for one in running if not one.unread and len(one.tokens) < CONTEXT]
            if do == "come":
                come(slots, prompt, tokenizer)
            elif do == "read" and reading:
                read(slots, cache, reading[which % len(reading)], 2 + which)
            elif do == "write" and writing:
                write(slots, cache, writing[which % len(writing) :])
            elif do == "go" and running:
                slots.take(running[which % len(running)])
            for slot in slots._slots:
                assert cache.holds(slot.row, slot.prompt.tolist(), slot.shared)
                if slot.sequence:
                    assert cache.holds(slot.row, slot.sequence.tokens, slot.sequence.computed)

    asyncio.run(run())


def test_more_memory_than_there_is_cannot_be_had() -> None:
    with pytest.raises(StartError, match="no memory for 4 slots of 1099511627776 tokens"):
        HostCache(replace(ARTIFACT, context_length=2**40), slots=COUNT)


def test_the_slot_that_is_oldest_is_overwritten_first(tokenizer: Tokenizer) -> None:
    cache = Recorder(ARTIFACT, slots=2)
    slots = Slots(cache, 2)

    def serve(prompt: list[int]) -> int:
        one = sequence(prompt, tokenizer)
        slots.give(one)
        slots.share(one)
        cached = one.computed
        read(slots, cache, one, 8)
        slots.take(one)
        return cached

    async def run() -> list[int]:
        first, second, third = [1] * 8, [2] * 8, [2, 1] * 4
        return [serve(each) for each in (first, second, first, third, second, first)]

    assert asyncio.run(run()) == [0, 0, 6, 1, 1, 0]
