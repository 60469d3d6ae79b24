"""A language model under load: order, cancellation, slow consumers, failures, the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stackrt.engine.decoder import Decoder
from stackrt.engine.generation import Generation
from stackrt.engine.language import ChatTemplate, LanguageEngine, LanguageModel
from stackrt.engine.openai.answers import Choice, collect
from stackrt.engine.options import GenerationOptions
from stackrt.engine.outbox import CAPACITY
from stackrt.engine.sampling import LogitBias, SamplingParameters
from stackrt.errors import ApiError

MAX_QUEUE = 2
# Never ends by itself: what ends a text is as unlikely as can be.
ENDLESS = LogitBias(np.array([0, 2]), np.full(2, -100, np.float32))


@pytest.fixture(scope="module")
def engine(language_folder: Path, chat_template: ChatTemplate) -> Iterator[LanguageEngine]:
    model = LanguageModel(name="smollm2", path=language_folder, render=chat_template, slots=1)
    engine = model.load(threads=2, max_queue=MAX_QUEUE, device="cpu")
    asyncio.run(engine.open())
    yield engine
    asyncio.run(engine.close())


def submit(
    engine: LanguageEngine,
    text: str = "Once upon a time",
    *,
    max_tokens: int = 8,
    n: int = 1,
    stop: tuple[str, ...] = (),
    **sampling: Any,
) -> Generation:
    parameters = SamplingParameters(**{"temperature": 0, "logit_bias": ENDLESS, **sampling})
    options = GenerationOptions(
        sampling=parameters, n=n, max_tokens=max_tokens, stop=stop, logprobs=None
    )
    return engine.submit([engine.encode_text(text)], options)


async def complete(engine: LanguageEngine, *arguments: Any, **options: Any) -> Choice:
    return (await collect(submit(engine, *arguments, **options), count=1))[0]


def test_greedy_texts_are_equal(engine: LanguageEngine) -> None:
    async def run() -> list[Choice]:
        return [await complete(engine, max_tokens=24) for _ in range(2)]

    first, second = asyncio.run(run())
    assert first.text == second.text != ""
    assert first.tokens == 24
    assert first.finish_reason == "length"


def test_equal_seeds_give_equal_texts(engine: LanguageEngine) -> None:
    async def run(seed: int | None) -> list[str]:
        generation = submit(engine, n=2, max_tokens=12, temperature=1.0, seed=seed)
        return [choice.text for choice in await collect(generation, count=2)]

    texts = asyncio.run(run(11))
    assert texts == asyncio.run(run(11))
    assert texts != asyncio.run(run(12))
    assert asyncio.run(run(None)) != asyncio.run(run(None))
    assert texts[0] != texts[1]


def test_what_was_asked_before_makes_no_difference(engine: LanguageEngine) -> None:
    long = "The history of the world is long and full of wars. " * 20

    async def run() -> tuple[str, str]:
        fresh = await complete(engine, long + "In the end,")
        await complete(engine, "Something else")
        await complete(engine, long + "In the beginning,", max_tokens=40)
        return fresh.text, (await complete(engine, long + "In the end,")).text

    fresh, after = asyncio.run(run())
    assert fresh == after


@pytest.mark.parametrize("length", [1, 2, 5, 11])
def test_stop_strings_end_a_text_wherever_tokens_end(engine: LanguageEngine, length: int) -> None:
    async def run() -> None:
        text = (await complete(engine, max_tokens=20)).text
        for start in range(0, len(text) - length, 11):
            stop = text[start : start + length]
            choice = await complete(engine, max_tokens=20, stop=(stop, "@@@"))
            assert choice.text == text[: text.find(stop)]
            assert choice.finish_reason == "stop"

    asyncio.run(run())


def test_the_beginning_of_a_stop_string_is_not_lost(engine: LanguageEngine) -> None:
    async def run() -> None:
        text = (await complete(engine, max_tokens=10)).text
        choice = await complete(engine, max_tokens=10, stop=(text[-3:] + "@", text[4:9] + "@"))
        assert (choice.text, choice.finish_reason) == (text, "length")

    asyncio.run(run())


def test_choices_of_one_request_come_to_their_ends(engine: LanguageEngine) -> None:
    async def run() -> list[Choice]:
        return await collect(submit(engine, n=3, temperature=1.0, seed=5), count=3)

    assert [choice.tokens for choice in asyncio.run(run())] == [8, 8, 8]


@asynccontextmanager
async def occupied(engine: LanguageEngine) -> AsyncIterator[list[Generation]]:
    """The engine with a sequence that runs and as many that wait as may."""
    held = [submit(engine, max_tokens=500) for _ in range(1 + MAX_QUEUE)]
    await anext(held[0])
    yield held
    for generation in held:
        generation.cancel()


def test_a_full_queue_is_refused_and_cancelling_makes_room(engine: LanguageEngine) -> None:
    async def run() -> None:
        async with occupied(engine) as held:
            for refused in (engine.check_room, lambda: submit(engine)):
                with pytest.raises(ApiError) as caught:
                    refused()
                assert caught.value.status == 429
                assert caught.value.headers == {"retry-after": "2"}
            held[1].cancel()
            waiting = submit(engine)
            held[0].cancel()
            held[2].cancel()
            assert (await collect(waiting, count=1))[0].tokens == 8

    asyncio.run(run())


def test_a_request_of_many_choices_may_start_when_nothing_waits(engine: LanguageEngine) -> None:
    async def run() -> list[Choice]:
        return await collect(submit(engine, n=5, max_tokens=2), count=5)

    assert [choice.tokens for choice in asyncio.run(run())] == [2] * 5


def test_a_cancelled_task_frees_the_model(engine: LanguageEngine) -> None:
    async def run() -> None:
        for _ in range(2 * MAX_QUEUE):
            task = asyncio.create_task(complete(engine, max_tokens=500))
            await asyncio.sleep(0.02)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (await complete(engine)).tokens == 8

    asyncio.run(run())


def test_a_generation_that_is_dropped_frees_the_model(engine: LanguageEngine) -> None:
    async def run() -> None:
        for _ in range(2 * MAX_QUEUE + 2):
            submit(engine, max_tokens=500)
        assert (await complete(engine)).tokens == 8

    asyncio.run(run())


def test_a_consumer_that_does_not_read_stops_nobody(engine: LanguageEngine) -> None:
    """It gives way when its outbox is full, and gets the rest of its text when it reads on."""
    length = CAPACITY + 40

    async def run() -> None:
        slow = submit(engine, max_tokens=length)
        await anext(slow)
        assert (await complete(engine, "Another text")).tokens == 8
        outputs = [output async for output in slow]
        assert outputs[-1].tokens == length
        assert outputs[-1].finish_reason == "length"

    asyncio.run(run())


def test_a_failure_ends_its_request_only(
    engine: LanguageEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    read = Decoder.read

    def fail_once(self: Decoder, tokens: list[int], **where: Any) -> Any:
        monkeypatch.setattr(Decoder, "read", read)
        raise RuntimeError("out of memory at 0x1234")

    async def run() -> None:
        monkeypatch.setattr(Decoder, "read", fail_once)
        with pytest.raises(ApiError) as caught:
            await complete(engine)
        assert caught.value.status == 500
        assert "0x1234" not in caught.value.message
        assert (await complete(engine)).tokens == 8

    asyncio.run(run())
    assert "0x1234" in caplog.text


def test_closing_ends_what_runs_and_opening_starts_again(engine: LanguageEngine) -> None:
    async def run() -> None:
        assert engine.alive
        running = [submit(engine, max_tokens=500) for _ in range(2)]
        await anext(running[0])
        await engine.close()
        assert not engine.alive
        for generation in running:
            with pytest.raises(ApiError) as caught:
                [output async for output in generation]
            assert caught.value.status == 503
        with pytest.raises(ApiError) as caught:
            submit(engine)
        assert caught.value.status == 503
        await engine.open()
        assert (await complete(engine)).tokens == 8

    asyncio.run(run())


def test_the_context_ends_a_text(engine: LanguageEngine) -> None:
    prompt = engine.encode_text("a")
    long = prompt * (engine.longest_prompt - 2)
    options = GenerationOptions(
        sampling=SamplingParameters(temperature=0, logit_bias=ENDLESS),
        n=1,
        max_tokens=None,
        stop=(),
        logprobs=None,
    )

    async def run() -> Choice:
        return (await collect(engine.submit([long], options), count=1))[0]

    choice = asyncio.run(run())
    assert (choice.tokens, choice.finish_reason) == (3, "length")
