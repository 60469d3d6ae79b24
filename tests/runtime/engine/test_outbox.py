"""The outbox keeps order, asks a producer to wait, and wakes it when it may go on."""

import asyncio
import threading
from collections import deque

import pytest
from stackrt.engine.outbox import Outbox


def test_results_of_a_thread_arrive_in_order() -> None:
    async def consume() -> list[int]:
        outbox: Outbox[int] = Outbox(lambda: None)
        thread = threading.Thread(target=lambda: deque(map(outbox.put, range(1000)), maxlen=0))
        thread.start()
        items = [await outbox.get() for _ in range(1000)]
        thread.join()
        return items

    assert asyncio.run(consume()) == list(range(1000))


def test_a_full_outbox_is_ready_again_when_half_is_taken() -> None:
    async def consume() -> None:
        changes: list[bool] = []
        outbox: Outbox[int] = Outbox(lambda: changes.append(outbox.ready), capacity=4)
        for item in range(4):
            assert outbox.ready
            outbox.put(item)
        assert not outbox.ready
        await outbox.get()
        assert not outbox.ready
        assert changes == []
        await outbox.get()
        assert outbox.ready
        assert changes == [True]

    asyncio.run(consume())


def test_an_error_comes_after_what_was_put_before_it() -> None:
    async def consume() -> None:
        outbox: Outbox[int] = Outbox(lambda: None)
        outbox.put(1)
        outbox.put(ValueError("broken"))
        assert await outbox.get() == 1
        with pytest.raises(ValueError, match="broken"):
            await outbox.get()

    asyncio.run(consume())


def test_closing_tells_the_producer() -> None:
    async def consume() -> None:
        changes: list[bool] = []
        outbox: Outbox[int] = Outbox(lambda: changes.append(outbox.closed))
        outbox.close()
        assert changes == [True]
        assert not outbox.ready

    asyncio.run(consume())


def test_a_closed_event_loop_counts_as_a_consumer_that_left() -> None:
    async def make() -> Outbox[int]:
        return Outbox(lambda: None)

    outbox = asyncio.run(make())
    outbox.put(1)
    assert outbox.closed
