"""Many clients at once, some of whom leave: everyone else gets the text that they get alone."""

import asyncio
import random
from typing import Any

from openai import AsyncOpenAI, omit

MODEL = "onnx/smollm2-135m-instruct"
DISTINCT = 12
REQUESTS = 96
CLIENTS = 24
LEAVING = 0.3
WORDS = ["the", "old", "harbour", "slept", "while", "ships", "sailed", "past", "a", "moon"]


def request(number: int) -> dict[str, Any]:
    """A request that has one right answer: greedy, or drawn with a seed."""
    rng = random.Random(number)
    words = [rng.choice(WORDS) for _ in range(rng.choice([1, 5, 30, 120]))]
    return {
        "messages": [{"role": "user", "content": " ".join(words)}],
        "max_tokens": rng.randint(2, 24),
        "temperature": rng.choice([0, 1]),
        "seed": number,
        "stop": rng.choice([omit, ["e "]]),
    }


async def text(client: AsyncOpenAI, number: int, *, leave_after: int = 1000) -> str:
    stream = await client.chat.completions.create(model=MODEL, stream=True, **request(number))
    found = ""
    async with stream:
        async for chunk in stream:
            found += chunk.choices[0].delta.content or ""
            if len(found) > leave_after:
                break
    return found


def test_nobody_is_lost_and_nobody_is_mixed_up(starter: str) -> None:
    async def run() -> None:
        async with AsyncOpenAI(base_url=f"{starter}/v1", api_key="none") as client:
            alone = [await text(client, number) for number in range(DISTINCT)]
            room = asyncio.Semaphore(CLIENTS)
            rng = random.Random(1)

            async def one(number: int, leaves: bool) -> None:
                async with room:
                    got = await text(client, number, leave_after=5 if leaves else 1000)
                assert alone[number].startswith(got) if leaves else got == alone[number]

            jobs = [one(rng.randrange(DISTINCT), rng.random() < LEAVING) for _ in range(REQUESTS)]
            await asyncio.gather(*jobs)

    asyncio.run(run())
