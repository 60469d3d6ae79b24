"""Texts that are written together are the texts that each would be alone."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stackrt.engine.generation import Generation
from stackrt.engine.language import ChatTemplate, LanguageEngine, LanguageModel
from stackrt.engine.openai.answers import Choice, collect
from stackrt.engine.options import GenerationOptions
from stackrt.engine.outbox import CAPACITY
from stackrt.engine.sampling import LogitBias, SamplingParameters
from stackrt.engine.scheduler import CHUNK_BESIDE_OTHERS

SLOTS = 3
WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "home"]
# Never ends by itself: what ends a text is as unlikely as can be.
ENDLESS = LogitBias(np.array([0, 2]), np.full(2, -100, np.float32))


@pytest.fixture(scope="module")
def engine(language_folder: Path, chat_template: ChatTemplate) -> Iterator[LanguageEngine]:
    model = LanguageModel(name="smollm2", path=language_folder, render=chat_template, slots=SLOTS)
    engine = model.load(threads=2, max_queue=64, device="cpu")
    asyncio.run(engine.open())
    yield engine
    asyncio.run(engine.close())


def options(max_tokens: int = 12, *, n: int = 1, **sampling: Any) -> GenerationOptions:
    parameters = SamplingParameters(**{"temperature": 0, "logit_bias": ENDLESS, **sampling})
    return GenerationOptions(
        sampling=parameters, n=n, max_tokens=max_tokens, stop=(), logprobs=None
    )


def submit(engine: LanguageEngine, text: str, wanted: GenerationOptions) -> Generation:
    return engine.submit([engine.encode_text(text)], wanted)


async def write(engine: LanguageEngine, text: str, wanted: GenerationOptions) -> list[Choice]:
    return await collect(submit(engine, text, wanted), count=wanted.n)


async def cached(engine: LanguageEngine, text: str) -> int:
    async for output in submit(engine, text, options(2)):
        found = output.cached
    return found


def requests(count: int) -> list[tuple[str, GenerationOptions]]:
    rng = random.Random(7)
    made = []
    for number in range(count):
        words = [rng.choice(WORDS) for _ in range(rng.choice([0, 3, 40, 200]))]
        wanted = options(
            rng.randint(1, 24), n=rng.choice([1, 1, 2]), temperature=rng.choice([0, 1]), seed=number
        )
        made.append((" ".join(words), wanted))
    return made


def test_a_batch_writes_what_each_would_write_alone(engine: LanguageEngine) -> None:
    asked = requests(14)

    async def alone() -> list[list[Choice]]:
        return [await write(engine, *each) for each in asked]

    async def together() -> list[list[Choice]]:
        return list(await asyncio.gather(*(write(engine, *each) for each in asked)))

    assert asyncio.run(together()) == asyncio.run(alone())


def test_those_who_leave_do_not_change_those_who_stay(engine: LanguageEngine) -> None:
    asked = requests(9)

    async def run() -> None:
        wanted = [await write(engine, *each) for each in asked]
        rng = random.Random(3)
        tasks = []
        for each in asked:
            left = submit(engine, "Somebody who will not stay", options(400))
            tasks.append(asyncio.create_task(write(engine, *each)))
            await asyncio.sleep(rng.random() / 50)
            left.cancel()
        assert await asyncio.gather(*tasks) == wanted

    asyncio.run(run())


def test_a_shared_beginning_is_computed_once(engine: LanguageEngine) -> None:
    start = "You are a helpful assistant who knows all about ships. " * 8

    async def run() -> None:
        before = engine.metrics()
        fresh = await write(engine, start + "Why do they float?", options())
        assert await cached(engine, start + "Why do they sink?") > 80
        again = await write(engine, start + "Why do they float?", options())
        assert again == fresh
        after = engine.metrics()
        assert after.cached_tokens - before.cached_tokens > 2 * 80
        assert after.generated_tokens - before.generated_tokens == 2 * 12 + 2

    asyncio.run(run())


def test_choices_of_one_prompt_read_it_once(engine: LanguageEngine) -> None:
    prompt = " ".join(WORDS * 12)

    async def run() -> tuple[int, int]:
        before = engine.metrics()
        await write(engine, prompt, options(2, n=3, temperature=1.0))
        after = engine.metrics()
        read = after.prompt_tokens - before.prompt_tokens
        return read, read - (after.cached_tokens - before.cached_tokens)

    read, computed = asyncio.run(run())
    assert computed < read / 2


def test_a_long_prompt_does_not_stall_a_stream(engine: LanguageEngine) -> None:
    """The stream goes on between the pieces in which the prompt is read."""
    prompt = " ".join(f"{number}." for number in range(90))
    pieces = len(engine.encode_text(prompt)) // CHUNK_BESIDE_OTHERS
    assert pieces > 5

    async def run() -> int:
        stream = submit(engine, "Once upon a time", options(400))
        await anext(stream)
        late = asyncio.create_task(write(engine, prompt, options(1)))
        received = 0
        while not late.done():
            await anext(stream)
            received += 1
        stream.cancel()
        return received

    assert asyncio.run(run()) >= pieces - 1


def test_a_consumer_that_does_not_read_loses_its_slot_and_nothing_else(
    engine: LanguageEngine,
) -> None:
    length = CAPACITY + 40
    prompts = [f"Chapter {number}" for number in range(SLOTS)]

    async def run() -> None:
        wanted = [await write(engine, prompt, options(length)) for prompt in prompts]
        stuck = [submit(engine, prompt, options(length)) for prompt in prompts]
        assert len((await write(engine, "Another text", options()))[0].text) > 0
        texts = [await collect(generation, count=1) for generation in stuck]
        assert texts == wanted

    asyncio.run(run())


def test_a_request_of_many_choices_lets_others_in(engine: LanguageEngine) -> None:
    async def run() -> None:
        many = submit(engine, "Many", options(24, n=20, temperature=1.0))
        await anext(many)
        await write(engine, "Me too", options(4))
        unfinished = engine.metrics().waiting
        assert unfinished > 5
        assert len(await collect(many, count=20)) == 20

    asyncio.run(run())


def test_what_is_going_on_is_counted(engine: LanguageEngine) -> None:
    async def run() -> None:
        running = [submit(engine, "Once", options(300)) for _ in range(SLOTS + 2)]
        for generation in running[:SLOTS]:
            await anext(generation)
        busy = engine.metrics()
        assert (busy.slots, busy.active, busy.waiting) == (SLOTS, SLOTS, 2)
        assert busy.generated_tokens_per_second > 0
        for generation in running:
            generation.cancel()
        await write(engine, "Last", options(1))
        idle = engine.metrics()
        assert (idle.active, idle.waiting) == (0, 0)

    asyncio.run(run())
