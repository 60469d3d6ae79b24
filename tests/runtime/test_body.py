"""Bodies: limits, time limits, and which place an error is about."""

import asyncio
from collections.abc import Callable
from typing import Any, Required

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json
from stackrt import body
from stackrt.apis.inference import ChatCompletionRequest, EmbeddingsRequest
from stackrt.body import Body
from stackrt.errors import ApiError
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message
from typing_extensions import TypedDict


class Small(TypedDict, total=False):
    """A body of one field."""

    name: Required[str]


def request(*messages: Message) -> Request:
    """A request whose connection says `messages`, and then nothing."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return Request({"type": "http"}, receive)


def part(data: bytes, more: bool = False) -> Message:
    """A piece of a body."""
    return {"type": "http.request", "body": data, "more_body": more}


def read(schema: Any, *messages: Message, **options: Any) -> Any:
    """What `Body` makes of a request."""
    return asyncio.run(Body(schema, **options).read(request(*messages)))


def refused(schema: Any, data: bytes, **options: Any) -> ApiError:
    """How `Body` refuses one."""
    with pytest.raises(ApiError) as caught:
        read(schema, part(data), **options)
    return caught.value


def test_a_body_in_pieces() -> None:
    assert read(Small, part(b'{"na', True), part(b'me":"\xc3', True), part(b'\xa9"}')) == {
        "name": "é"
    }


def test_a_body_over_the_limit() -> None:
    assert refused(Small, b'{"name":"12345"}', limit=15).status == 413
    assert read(Small, part(b'{"name":"12345"}'), limit=16) == {"name": "12345"}


def test_a_body_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "TIMEOUT", 0.01)
    with pytest.raises(ApiError) as caught:
        read(Small, part(b"{", True))
    assert caught.value.status == 408


def test_a_client_that_leaves_while_it_sends() -> None:
    with pytest.raises(ClientDisconnect):
        read(Small, part(b"{", True), {"type": "http.disconnect"})


def test_unknown_fields_and_numbers_survive() -> None:
    sent = {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "x", "y": [1, None]}], "cache": {"a": 1}}
        ],
        "temperature": 1,
        "provider_option": {"big": 2**70, "exact": 0.1},
    }
    assert read(ChatCompletionRequest, part(to_json(sent))) == sent


@pytest.mark.parametrize("value", ["text", ["a", "b"], [1, 2], [[1], [2, 3]]])
def test_every_kind_of_embedding_input(value: object) -> None:
    sent = {"model": "m", "input": value}
    assert read(EmbeddingsRequest, part(to_json(sent))) == sent


@pytest.mark.parametrize(
    ("data", "param", "message"),
    [
        (b'{"name": 1}', "name", "`name` must be a string"),
        (b"{}", "name", "`name` is required"),
        (b"1", None, "`body` must be an object"),
    ],
)
def test_errors_say_what_is_wrong(data: bytes, param: str | None, message: str) -> None:
    error = refused(Small, data)
    assert (error.status, error.param, error.message) == (400, param, message)


def test_an_object_where_a_text_or_a_list_belongs() -> None:
    data = b'{"model":"m","messages":[{"role":"user","content":{"text":1}}]}'
    error = refused(ChatCompletionRequest, data)
    assert error.param == "messages.0.content"
    assert error.message == "`messages.0.content` must be a string or an array"


JSON: Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]] = lambda children: (  # noqa: E731
    st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5), JSON, max_leaves=8
    )
)
def test_any_json_is_taken_or_refused(value: object) -> None:
    for name in ("messages", "stop", "tools", "stream_options"):
        sent = {"model": "m", "messages": [], name: value}
        try:
            assert read(ChatCompletionRequest, part(to_json(sent))) == sent
        except ApiError as error:
            assert error.status == 400
            assert error.param is not None
            assert error.param.startswith(name)
