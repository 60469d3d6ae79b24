"""Calls come out of a text the same wherever it is cut, and its markers do not come out at all."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stackrt.engine.calls import (
    HERMES,
    LLAMA,
    MISTRAL,
    Arguments,
    CallForm,
    CallParser,
    CallStart,
    Content,
    Event,
)

FORMS = [HERMES, LLAMA, MISTRAL]

NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)
# What a parser might trip over: quotes, braces, escapes, and the markers themselves.
TRICKY = st.text(st.sampled_from('a"\\{}[], \n<é') | st.characters(codec="utf-8"), max_size=12)
STRINGS = TRICKY | st.sampled_from(["</tool_call>", "}\n</tool_call>", "<tool_call>", '"}]'])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(STRINGS, inner, max_size=3),
    max_leaves=6,
)
CALLS = st.lists(
    st.tuples(NAMES, st.dictionaries(STRINGS, VALUES, max_size=3), st.booleans()), max_size=3
)


def written(form: CallForm, content: str, calls: Sequence[tuple[str, str]]) -> str:
    if not calls:
        return content
    texts = [form.call(name, arguments) for name, arguments in calls]
    return content + form.opening + (form.separator or "").join(texts) + form.closing


def parsed(
    form: CallForm, pieces: Sequence[str], *, cut: bool = False
) -> tuple[str, list[tuple[str, str]], bool]:
    """Content, names and arguments, and whether the calls are complete."""
    parser = CallParser(form)
    events: list[Event] = [event for piece in pieces for event in parser.feed(piece)]
    events += parser.flush(cut=cut)
    content, calls = "", []
    for event in events:
        if isinstance(event, Content):
            assert not calls
            assert event.text
            content += event.text
        elif isinstance(event, CallStart):
            assert event.index == len(calls)
            calls.append((event.name, ""))
        else:
            assert isinstance(event, Arguments)
            assert event.index == len(calls) - 1
            assert event.json
            calls[-1] = calls[-1][0], calls[-1][1] + event.json
    return content, calls, parser.complete


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    ends = sorted({cut % (len(text) + 1) for cut in cuts})
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@pytest.mark.parametrize("form", FORMS, ids=["hermes", "llama", "mistral"])
@given(
    content=TRICKY,
    calls=CALLS,
    cuts=st.lists(st.integers(0, 10**6), max_size=30),
    each=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_text_may_be_cut_anywhere(
    form: CallForm,
    content: str,
    calls: list[tuple[str, dict[str, object], bool]],
    cuts: list[int],
    each: bool,
) -> None:
    if form.separator is None:
        calls = calls[:1]
        content = "" if calls else content.lstrip("{")
    wanted = [(name, json.dumps(arguments, ensure_ascii=ascii)) for name, arguments, ascii in calls]
    text = written(form, content, wanted)
    pieces = list(text) if each else pieces_of(text, cuts)
    found = parsed(form, pieces)
    assert found == (content.rstrip() if calls else content, wanted, bool(calls))


@pytest.mark.parametrize("form", [HERMES, MISTRAL], ids=["hermes", "mistral"])
def test_where_the_length_ends_a_text(form: CallForm) -> None:
    """Nothing of a marker shows, and of a call what is there of it."""
    arguments = '{"a": "}\\"", "b": [1]}'
    text = written(form, "Wait. ", [("f", arguments), ("g", "{}")])
    begins = text.index(form.marker or "")
    for end in range(len(text) + 1):
        content, calls, complete = parsed(form, list(text[:end]), cut=True)
        assert "Wait. ".startswith(content)
        assert content.strip() == text[: min(end, begins)].strip()
        for (name, found), (wanted_name, wanted) in zip(
            calls, [("f", arguments), ("g", "{}")], strict=False
        ):
            assert name == wanted_name
            assert wanted.startswith(found)
        assert complete == (bool(calls) and json_is_whole(calls[-1][1]))


def json_is_whole(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (HERMES, "a < b, <tool> and <tool_cal"),
        (LLAMA, '{"name'),
        (LLAMA, 'The call {"name": "f", "parameters": {}} is text.'),
        (MISTRAL, "[TOOL] is not [TOOL_CALLS"),
    ],
)
def test_what_only_looks_like_a_call_is_text(form: CallForm, text: str) -> None:
    assert parsed(form, list(text)) == (text, [], False)


def test_arguments_come_while_they_are_written() -> None:
    parser = CallParser(HERMES)
    assert parser.feed('Yes.\n\n<tool_call>\n{"name": "f", "arguments": {"a') == [
        Content("Yes."),
        CallStart(0, "f"),
        Arguments(0, '{"a'),
    ]
    assert parser.feed('": "\\') == [Arguments(0, '": "')]
    assert parser.feed('"') == [Arguments(0, '\\"')]
    assert parser.feed('"}}') == [Arguments(0, '"}')]
    assert parser.feed('\n</tool_call>\n<tool_call>\n{"name": "g"') == [CallStart(1, "g")]
