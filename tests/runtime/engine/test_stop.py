"""Stop strings are found wherever the text is cut, and nothing else is held back for good."""

from hypothesis import given
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
