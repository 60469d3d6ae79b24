"""Server-sent events, taken apart and put together, and calls that end with their client."""

import asyncio
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackrt import streaming
from stackrt.errors import UpstreamError, bad_request
from stackrt.streaming import COMMENT, DONE, EventParser, EventStream, frame, until_disconnect
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

TEXTS = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)
NOISE = st.sampled_from(["", ": comment", "event: message", "id: 7", "retry: 10", ":"])


@given(
    texts=st.lists(
        TEXTS.map(json.dumps) | TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
    ),
    noise=st.lists(NOISE, min_size=1),
    newline=st.sampled_from(["\n", "\r\n"]),
    cuts=st.sets(st.integers(0, 2000)),
    ended=st.booleans(),
)
def test_events_survive_any_network(
    texts: list[str], noise: list[str], newline: str, cuts: set[int], ended: bool
) -> None:
    lines = []
    for position, text in enumerate(texts):
        lines += [noise[position % len(noise)], f"data: {text}", ""]
    whole = newline.join([*lines, ""]).encode()
    if not ended:
        whole = whole.rstrip(b"\r\n")
    borders = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    parser = EventParser()
    events = []
    for start, end in pairwise(borders):
        events += parser.feed(whole[start:end])
    events += parser.end()
    assert [json.loads(event) for event in events] == [json.loads(text) for text in texts]


def test_data_of_several_lines_is_joined() -> None:
    assert EventParser().feed(b'data: {"a":\ndata:1}\n\ndata:\n\n') == [b'{"a":\n1}']


class Client:
    """The two ends of an ASGI connection: what was sent, and when the client leaves."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    async def run(self, frames: AsyncIterator[bytes]) -> None:
        await EventStream(frames)({"type": "http", "headers": []}, self.receive, self.send)


async def _frames(*items: bytes | Exception | float) -> AsyncIterator[bytes]:
    for item in items:
        if isinstance(item, Exception):
            raise item
        if isinstance(item, float):
            await asyncio.sleep(item)
        else:
            yield item


def run(*items: bytes | Exception | float) -> Client:
    """A client that reads a stream of `items` to its end."""

    async def main() -> Client:
        client = Client()
        await client.run(_frames(*items))
        return client

    return asyncio.run(main())


def test_a_stream_ends_with_done() -> None:
    client = run(frame(b"1"), frame(b"2") + frame(b"3"))
    assert client.body == b"data: 1\n\ndata: 2\n\ndata: 3\n\n" + DONE
    assert dict(client.messages[0]["headers"])[b"content-type"].startswith(b"text/event-stream")
    assert [message.get("more_body", False) for message in client.messages[1:]] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (bad_request("no", param="p"), "invalid_request_error", "no"),
        (
            UpstreamError(500, body=b"<h1>", content_type="text/html", headers={}),
            "server_error",
            "the provider answered 500",
        ),
        (ZeroDivisionError("inside"), "server_error", "internal server error"),
    ],
)
def test_an_exception_is_the_last_event(error: Exception, kind: str, message: str) -> None:
    first, last, rest = run(frame(b"1"), error).body.split(b"\n\n")
    assert (first, rest) == (b"data: 1", b"")
    said: dict[str, Any] = json.loads(last.removeprefix(b"data: "))["error"]
    assert (said["type"], said["message"]) == (kind, message)


def test_silence_is_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "HEARTBEAT", 0.01)
    body = run(frame(b"1"), 0.3, frame(b"2")).body
    assert body.startswith(frame(b"1") + COMMENT)
    assert body.endswith(frame(b"2") + DONE)


def test_a_client_that_leaves_closes_the_frames() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield frame(b"1")
            await asyncio.Event().wait()
        finally:
            closed.set()

    async def main() -> None:
        client = Client()
        stream = asyncio.create_task(client.run(endless()))
        await asyncio.sleep(0.01)
        client.left.set()
        await stream
        assert closed.is_set()
        assert client.body == frame(b"1")

    asyncio.run(main())


def test_a_call_is_cancelled_when_its_client_leaves() -> None:
    async def main() -> None:
        client = Client()
        cancelled = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()

        client.left.set()
        with pytest.raises(ClientDisconnect):
            await until_disconnect(Request({"type": "http"}, client.receive), work())
        assert cancelled.is_set()
        task = asyncio.current_task()
        assert task
        assert not task.cancelling()

    asyncio.run(main())


def test_a_cancellation_of_our_own_stays_one() -> None:
    async def main() -> None:
        request = Request({"type": "http"}, Client().receive)
        call = asyncio.create_task(until_disconnect(request, asyncio.Event().wait()))
        await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(main())


def test_llama_stacks_client_gets_no_done() -> None:
    async def main() -> Client:
        client = Client()
        scope = {"type": "http", "headers": [(b"x-llamastack-client-version", b"0.2.12")]}
        await EventStream(_frames(frame(b"1")))(scope, client.receive, client.send)
        return client

    assert asyncio.run(main()).body == frame(b"1")
