"""Stop strings are found wherever the text is cut, and nothing else is held back for good."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stackrt.engine.stop import StopMatcher

# Few letters, so that stop strings occur, overlap and begin without ending.
TEXT = st.text("abc", max_size=30)
STOPS = st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4)


def run(pieces: list[str], stops: list[str]) -> tuple[str, bool]:
    matcher = StopMatcher(stops)
    out = ""
    for piece in pieces:
        out += matcher.feed(piece)
        if matcher.matched:
            return out, True
    return out + matcher.flush(), False


def reference(text: str, stops: list[str]) -> tuple[str, bool]:
    """Reads character by character until the text ends with a stop string."""
    for end in range(1, len(text) + 1):
        ended = [stop for stop in stops if text[:end].endswith(stop)]
        if ended:
            return text[: end - max(map(len, ended))], True
    return text, False


@given(st.lists(TEXT, max_size=8), STOPS)
def test_cuts_make_no_difference(pieces: list[str], stops: list[str]) -> None:
    assert run(pieces, stops) == reference("".join(pieces), stops)


@given(st.lists(TEXT, max_size=8), STOPS)
def test_only_the_beginning_of_a_stop_string_is_held(pieces: list[str], stops: list[str]) -> None:
    matcher = StopMatcher(stops)
    given_so_far = seen = ""
    for piece in pieces:
        given_so_far += piece
        seen += matcher.feed(piece)
        if matcher.matched:
            return
        held = given_so_far[len(seen) :]
        assert given_so_far.startswith(seen)
        assert not held or any(stop.startswith(held) and stop != held for stop in stops)


def test_without_stop_strings_everything_passes() -> None:
    assert run(["ab", "", "c"], []) == ("abc", False)


# Characters of one to four bytes, and two that only look the same: nothing is normalised.
LETTERS = "é" + "e\u0301" + "日🦩a"


@given(
    st.text(LETTERS, max_size=12), st.lists(st.text(LETTERS, min_size=1, max_size=3), max_size=4)
)
@settings(deadline=None)
def test_characters_may_be_spread_over_tokens(text: str, stops: list[str]) -> None:
    """Fed byte by byte, as byte tokens would be, a text stops where it would as a whole."""
    utf8 = codecs.getincrementaldecoder("utf-8")("replace")
    pieces = [utf8.decode(bytes([byte])) for byte in text.encode()]
    assert run(pieces, stops) == reference(text, stops)


@pytest.mark.parametrize(
    ("pieces", "stops", "wanted"),
    [
        (["The end. More"], ["end"], ("The ", True)),
        (["one t", "wo th", "ree"], ["two three"], ("one ", True)),
        (["abcabd"], ["abd", "cab"], ("ab", True)),
        (["aab"], ["ab", "aab"], ("", True)),
        (["aaa", "ab"], ["aab"], ("aa", True)),
        (["x", "<|im", "_end|>"], ["<|im_end|>"], ("x", True)),
        (["\n", "\n"], ["\n\n"], ("", True)),
        (["e\u0301"], ["é"], ("e\u0301", False)),
        (["Stop"], ["stop"], ("Stop", False)),
        (["", "ab", ""], ["abc"], ("ab", False)),
    ],
)
def test_stop_strings_by_example(
    pieces: list[str], stops: list[str], wanted: tuple[str, bool]
) -> None:
    assert run(pieces, stops) == wanted
