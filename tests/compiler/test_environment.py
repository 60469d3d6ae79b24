"""Environment expressions: what is one, what is none, and what was meant."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.environment import Malformed, Reference, Text, parse

names = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)
operands = st.text(alphabet=st.characters(exclude_characters="}")).filter(lambda t: "${" not in t)
references = st.builds(Reference, names, st.just(""), st.just("")) | st.builds(
    Reference, names, st.sampled_from([":=", ":+"]), operands
)
literals = st.text(alphabet="$${}AZ_az09 .:=+é", min_size=1)


def alternating(parts: list[str | Reference]) -> bool:
    return not any(isinstance(a, str) and isinstance(b, str) for a, b in pairwise(parts))


texts = (
    st.lists(references | literals, min_size=1, max_size=6)
    .filter(alternating)
    .filter(lambda parts: any(isinstance(part, Reference) for part in parts))
    .map(lambda parts: Text(tuple(parts)))
)


@given(texts)
def test_what_is_printed_is_read_again(text: Text) -> None:
    assert parse(str(text)) == (text, [])


@given(references)
def test_a_reference_alone(reference: Reference) -> None:
    found, malformed = parse(str(reference))
    assert found == Text((reference,))
    assert not malformed


@given(st.text() | st.text(alphabet="$${}envXx.:=+-?_ "))
def test_any_text_can_be_read(text: str) -> None:
    found, malformed = parse(text)
    for fault in malformed:
        assert text[fault.offset : fault.offset + len(fault.text)] == fault.text
    assert malformed or (isinstance(found, Text) or "${env." not in found.replace("$$", ""))


@given(st.text(alphabet="$${}envXx.:=+-?_\n "))
def test_the_right_form_is_right(text: str) -> None:
    for fault in parse(text)[1]:
        found, malformed = parse(fault.right_form)
        assert isinstance(found, Text)
        assert not malformed


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("no variable", "no variable"),
        ("$5 and $x and $", "$5 and $x and $"),
        ("$$X", "$X"),
        ("$${env.X}", "${env.X}"),
        ("$$ 5", "$$ 5"),
        ("$$$$X", "$$X"),
        ("${env.X}", Text((Reference("X", "", ""),))),
        ("${env.X:=}", Text((Reference("X", ":=", ""),))),
        ("${env.X:=a:=b}", Text((Reference("X", ":=", "a:=b"),))),
        ("${env.X:+on}", Text((Reference("X", ":+", "on"),))),
        ("a${env.X}b", Text(("a", Reference("X", "", ""), "b"))),
        ("$$${env.X}", Text(("$", Reference("X", "", "")))),
        ("${env.A}${env.B}", Text((Reference("A", "", ""), Reference("B", "", "")))),
    ],
)
def test_forms(text: str, found: str | Text) -> None:
    assert parse(text) == (found, [])


def test_the_form_of_other_days_is_read() -> None:
    text, malformed = parse("a${env.X:d}")
    assert text == Text(("a", Reference("X", ":=", "d")))
    assert malformed == [Malformed(1, "${env.X:d}", "${env.X:=d}", old=True)]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("$X", "${env.X}"),
        ("${X}", "${env.X}"),
        ("${env.x}", "${env.X}"),
        ("${ENV.X}", "${env.X}"),
        ("${env:X}", "${env.X}"),
        ("${ env.X }", "${env.X}"),
        ("${env.X:-d}", "${env.X:=d}"),
        ("${env.X=d}", "${env.X:=d}"),
        ("${env.x:=-1}", "${env.X:=-1}"),
        ("${X-d}", "${env.X:=d}"),
        ("${X:+v}", "${env.X:+v}"),
        ("${env.X+v}", "${env.X:+v}"),
        ("${env.X:?needed}", "${env.X}"),
        ("${env.my-server}", "${env.MY_SERVER}"),
        ("${env.a.b}", "${env.A_B}"),
        ("${env.X:=${env.Y}", "${env.X:=}"),
        ("${env.X", "${env.X}"),
        ("${env.1X}", "${env.NAME}"),
        ("${}", "${env.NAME}"),
    ],
)
def test_what_was_meant(text: str, right: str) -> None:
    assert parse(text)[1] == [Malformed(0, text, right)]
