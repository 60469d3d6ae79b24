"""Values: a text of the environment as the kind of its field."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.environment import Text, parse
from stackc.source import Source, Span
from stackc.values import Array, Kind, KindError, LateBound, Object, coerce, late_bound, reads_as

SPAN = Span.start_of(Source(Path("distribution.yaml"), ""))


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("00123", "string", "00123"),
        ("true", "string", "true"),
        ("-8", "integer", -8),
        ("00123", "integer", 123),
        ("1.5", "number", 1.5),
        ("10", "number", 10.0),
        ("TRUE", "boolean", True),
        ("false", "boolean", False),
    ],
)
def test_coerce(text: str, kind: Kind, value: object) -> None:
    found = coerce(text, kind)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "integer"),
        ("1.0", "integer"),
        ("x", "integer"),
        ("9" * 5000, "integer"),
        ("nan", "number"),
        ("inf", "number"),
        ("1e999", "number"),
        ("yes", "boolean"),
        ("1", "boolean"),
    ],
)
def test_what_is_not_of_a_kind(text: str, kind: Kind) -> None:
    assert not reads_as(text, kind)
    with pytest.raises(KindError):
        coerce(text, kind)


@given(st.text(), st.sampled_from(["string", "integer", "number", "boolean"]))
def test_any_text_is_of_a_kind_or_not(text: str, kind: Kind) -> None:
    assert reads_as(text, kind) in (True, False)


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans())
def test_what_is_printed_is_read_again(value: float) -> None:
    kinds: dict[type, Kind] = {bool: "boolean", int: "integer", float: "number"}
    assert coerce(str(value), kinds[type(value)]) == value


def bound(text: str) -> LateBound:
    found = parse(text)[0]
    assert isinstance(found, Text)
    return LateBound("field", found, "string", False, False, None, SPAN)


def test_the_only_reference() -> None:
    only = bound("${env.X:=1}").only
    assert only is not None
    assert only.operand == "1"
    assert bound("a${env.X}").only is None
    assert bound("${env.X}${env.Y}").only is None


def test_late_bound_values_are_found_in_order() -> None:
    one, two, three = bound("${env.ONE}"), bound("${env.TWO}"), bound("${env.THREE}")
    value = Object((("a", one), ("b", Array((1, two, Object((("c", three),))))), ("d", "x")))
    assert list(late_bound(value)) == [one, two, three]
    assert "b" in value
    assert "c" not in value
    assert value.get("d") == "x"
    assert value.get("e") is None
