"""The model of a stream's events is replaced as bytes, and that is what parsing would give."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackrt.errors import ApiError
from stackrt.providers.inference.openai import _Renaming

TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(['"model":"up"', '\\"model\\":\\"up\\"', '{"model": "up"}', "\n", "é"]),
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"id": TEXTS, "choices": st.lists(st.fixed_dictionaries({"content": TEXTS}), max_size=2)},
        optional={"model": st.sampled_from(["up", "other", 'a"b', None]), "usage": st.none()},
    ),
    max_size=6,
)
LAYOUTS: list[dict[str, Any]] = [
    {"separators": (",", ":")},
    {},
    {"indent": 1},
    {"ensure_ascii": False, "separators": (",", ":")},
]


@given(EVENTS, st.sampled_from(LAYOUTS))
def test_only_the_model_changes(events: list[dict[str, Any]], layout: dict[str, Any]) -> None:
    renamed = _Renaming("openai/up")
    for event in events:
        data = renamed(json.dumps(event, **layout).encode())
        assert json.loads(data) == {**event, "model": "openai/up"}
        assert b"\n" not in data, "a frame has one line"


def test_the_rest_of_an_event_is_not_written_anew() -> None:
    renamed = _Renaming("openai/up")
    renamed(b'{"model":"up","x":1}')
    assert renamed(b'{"x": 1.50,  "model":"up"}') == b'{"x": 1.50,  "model":"openai/up"}'


def test_an_error_is_left_alone() -> None:
    assert _Renaming("a/b")(b'{"error": {"message": "full"}}') == b'{"error": {"message": "full"}}'


@pytest.mark.parametrize("data", [b"nonsense", b"[1]", b"\xff"])
def test_what_is_no_object_is_an_error(data: bytes) -> None:
    with pytest.raises(ApiError, match="JSON object"):
        _Renaming("a/b")(data)
