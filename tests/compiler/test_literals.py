"""Literals: any text becomes Python that means the same text, in the form that ruff leaves alone."""

import ast
import json
import subprocess
import sys
from itertools import product
from pathlib import Path
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from stackc.expressions import (
    Call,
    Child,
    Conditional,
    Constant,
    DictOf,
    Expression,
    Formatted,
    ListOf,
    Reference,
)
from stackc.literals import constant, json_text, python, string

texts = st.text() | st.text(alphabet="'\"\\{}a\n\r\t\x00\x7f\u2028\u202e\U000e0001é日")
statics = st.none() | st.booleans() | st.integers() | texts
statics |= st.floats(allow_nan=False, allow_infinity=False)
constants = st.builds(Constant, statics)
literals: st.SearchStrategy[Expression] = st.recursive(
    constants,
    lambda inner: (
        st.lists(inner, max_size=5).map(lambda items: ListOf(tuple(items)))
        | st.dictionaries(texts, inner, max_size=5).map(lambda d: DictOf(tuple(d.items())))
    ),
    max_leaves=12,
)


def meaning(expression: Expression) -> object:
    """What a literal expression evaluates to."""
    match expression:
        case Constant(value):
            return value
        case ListOf(items):
            return [meaning(item) for item in items]
        case DictOf(items):
            return {key: meaning(item) for key, item in items}
    raise AssertionError(expression)


@given(texts)
def test_a_string_means_its_text(text: str) -> None:
    assert ast.literal_eval(string(text)) == text


@given(texts)
def test_a_string_stays_on_its_line_and_hides_nothing(text: str) -> None:
    assert string(text).isprintable()


@given(statics)
def test_a_constant_means_its_value(value: object) -> None:
    found = ast.literal_eval(constant(value))  # type: ignore[arg-type]
    assert (found, type(found)) == (value, type(value))


@given(literals, st.integers(0, 3))
def test_a_literal_means_its_value(expression: Expression, depth: int) -> None:
    assert ast.literal_eval(python(expression, depth)) == meaning(expression)


@given(st.lists(texts, min_size=1, max_size=4), texts)
def test_formatted_text_means_its_parts(parts: list[str], value: str) -> None:
    reference = Reference("settings.name")
    mixed = [part for text in parts for part in (text, reference)]
    code = python(Formatted(tuple(mixed)))
    found = eval(code, {"settings": SimpleNamespace(name=value)})
    assert found == "".join(f"{text}{value}" for text in parts)


@given(texts, texts, st.booleans())
def test_formatted_text_with_a_choice(then: str, otherwise: str, is_set: bool) -> None:
    choice = Conditional(Reference("x"), Constant(then), Constant(otherwise))
    code = python(Formatted(("a'\"", choice, "b")))
    assert eval(code, {"x": is_set}) == f"a'\"{then if is_set else otherwise}b"


def test_the_layout_counts_values() -> None:
    three = Call("Three", (("a", Constant(1)), ("b", Constant("x")), ("c", Constant(None))))
    assert python(three) == 'Three(a=1, b="x", c=None)'
    four = Call("Four", (("", Constant(0)), ("d", DictOf((("k", three),)))))
    indented = """Four(
        0,
        d={"k": Three(a=1, b="x", c=None)},
    )"""
    assert python(four, 1) == indented


def test_ruff_leaves_the_literals_alone(tmp_path: Path) -> None:
    alphabet = ['"', "'", "\\", "{", "a", "\n"]
    every = ["".join(each) for size in range(5) for each in product(alphabet, repeat=size)]
    reference = Reference("x")
    lines = ['"""Samples."""\n', "x = 1"]
    lines += [f"a = {string(text)}" for text in every]
    lines += [f"a = {python(Formatted((text, reference)))}" for text in every]
    four = ListOf(tuple(Constant(number) for number in range(4)))
    lines += [
        f"a = {python(expression)}"
        for expression in (
            four,
            DictOf((("k", four), ("l", Constant(None)))),
            Call("len", (("", four),)),
            Child(Reference("x"), "a b"),
            Conditional(reference, Constant("a"), Constant(None)),
        )
    ]
    path = tmp_path / "samples.py"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers()))
def test_json_means_its_value(value: dict[str, object]) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert text.endswith("}\n")
