"""Reading: any text is a document or a diagnostic, JSON keeps its values, spans name their text."""

import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.diagnostics.render import FORMATS, render
from stackc.diagnostics.report import CompileError
from stackc.load import MAX_DEPTH, load, read
from stackc.source import Source, Span
from stackc.tree import Document, Entry, Mapping, Scalar, Sequence, Value, plain

PATH = Path("distribution.yaml")
YAML_CHARACTERS = (
    "ab01:-?{}[],&*#|>'\"%@`!$~<=+._xe \n\r\t\\\ufeff\u0085\u2028é日\U0001f999\x07\x00"
)

characters = st.characters(codec="utf-8", exclude_characters="$")
keys = st.text(characters, max_size=40)  # YAML looks for the `:` in 1,024 characters
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
leaves |= st.text(characters)
values = st.recursive(
    leaves.filter(lambda leaf: leaf not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


def document(text: str) -> Document:
    return read(PATH, text)


def fault(text: str) -> str:
    """The concise form of the diagnostics that a text gives."""
    with pytest.raises(CompileError) as caught:
        document(text)
    return render(caught.value.diagnostics, "concise")


def shown(span: Span) -> str:
    """The text that a span names, where it is on one line."""
    assert span.line == span.end_line
    return span.source.lines[span.line - 1][span.column - 1 : span.end_column - 1]


def entries(value: Value) -> Iterator[Entry]:
    """Every entry inside a value."""
    if isinstance(value, Mapping):
        for entry in value.entries:
            yield entry
            yield from entries(entry.value)
    if isinstance(value, Sequence):
        for item in value.items:
            yield from entries(item)


@given(st.text() | st.text(alphabet=YAML_CHARACTERS))
def test_any_text_is_a_document_or_a_diagnostic(text: str) -> None:
    try:
        assert isinstance(document(text), Document)
    except CompileError as error:
        for form in FORMATS:
            assert render(error.diagnostics, form)


@given(st.binary())
def test_any_bytes_are_a_document_or_a_diagnostic(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "distribution.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(load(path), Document)
    except CompileError as error:
        assert render(error.diagnostics, "human")


@given(st.dictionaries(keys, values, max_size=5))
def test_json_keeps_its_values(value: dict[str, object]) -> None:
    text = json.dumps(value)
    assert json.dumps(plain(document(text).root)) == text


@given(
    st.recursive(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        lambda inner: st.dictionaries(
            st.from_regex(r"[a-zé日]{1,8}", fullmatch=True), inner, min_size=1, max_size=4
        ),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict)),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\ufeff"]),
)
def test_spans_name_their_text(value: dict[str, object], end: str, mark: str) -> None:
    found = document(mark.removeprefix("\ufeff") + end.join(block(value, 0)))
    for entry in entries(found.root):
        assert shown(entry.key_span) == entry.key
        if isinstance(entry.value, Scalar) and isinstance(entry.value.value, str):
            assert shown(entry.value.span) == entry.value.raw


def block(value: object, depth: int) -> list[str]:
    """A nested mapping as lines of YAML."""
    lines = []
    assert isinstance(value, dict)
    for key, inner in value.items():
        indent = "  " * depth
        if isinstance(inner, dict):
            lines += [f"{indent}{key}:", *block(inner, depth + 1)]
        else:
            lines.append(f'{indent}{key}:  "{inner}"' if depth % 2 else f"{indent}{key}: {inner}")
    return [line.replace('"', "") for line in lines]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("on", "on"),
        ("null", None),
        ("~", None),
        ("", None),
        ("8321", 8321),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1:30", "1:30"),
        ("2025-01-31", "2025-01-31"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("'8321'", "8321"),
        ('"true"', "true"),
        ("!!str 8321", "8321"),
        ("!!int '8321'", 8321),
        ("!!bool yes", "yes"),
        ("!own word", "word"),
    ],
)
def test_leaves_are_those_of_yaml_1_2(written: str, value: object) -> None:
    found = plain(document(f"key: {written}\n").root)["key"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (r'"\ud83e\uddd9 x"', "\U0001f9d9 x"),
        (r'"\\\uD83E\uDDD9\ud83e\uddd9"', "\\\U0001f9d9\U0001f9d9"),
        (r'"\\ud83e\\uddd9"', r"\ud83e\uddd9"),
        (r"'\ud83e\uddd9'", r"\ud83e\uddd9"),
        (r"\ud83e\uddd9", r"\ud83e\uddd9"),
    ],
)
def test_a_character_in_two_halves(written: str, value: str) -> None:
    root = document(f"key: {written}\nother: 1\n").root
    assert plain(root) == {"key": value, "other": 1}


def test_a_directive_for_yaml_1_1_does_not_change_words() -> None:
    assert plain(document("%YAML 1.1\n---\na: yes\nb: off\nc: true\n").root) == {
        "a": "yes",
        "b": "off",
        "c": True,
    }


def test_merge_keys_give_what_is_not_there() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {z: 5, <<: [*a, *b]}\n"
    assert plain(document(text).root)["c"] == {"z": 5, "x": 1, "y": 2}


def test_an_anchor_may_be_set_anew() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plain(document("a: &x 1\nb: *x\nc: &x 2\nd: *x\n").root) == {
            "a": 1,
            "b": 1,
            "c": 2,
            "d": 2,
        }


def test_a_fault_behind_an_alias_is_told_once() -> None:
    assert fault("a: &a $X\nb: *a\nc: *a\n").count("\n") == 1


def test_the_place_of_nothing_is_its_key() -> None:
    root = document("server:\n  port:\n  host: x\n").root
    (server,) = root.entries
    assert isinstance(server.value, Mapping)
    port = server.value.entries[0]
    assert port.value.span == port.key_span


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("key: a $X\n", "1:8"),
        ('key: "a\\t$X"\n', "1:10"),
        ("key: '''$X'''\n", "1:9"),
        ("key: |\n  one\n  two $X\n", "3:7"),
        ("key: >-\n  one\n\n  two $X\n", "4:7"),
        ("key: one\n  two $X\n", "2:7"),
        ("key: $X/$X\n", "1:6"),
        ("key: $$X/$X\n", "1:10"),
        ('key: "\\x24X"  # $X\n', "1:6"),
    ],
)
def test_a_malformed_expression_is_marked_where_it_stands(text: str, place: str) -> None:
    assert fault(text).startswith(f"distribution.yaml:{place}: ")


def test_the_place_of_nothing_in_a_list_can_be_marked() -> None:
    """Found by fuzzing: it was as wide as what stands there."""
    (entry,) = document("list:\n  - ").root.entries
    assert isinstance(entry.value, Sequence)
    span = entry.value.items[0].span
    assert (span.line, span.column) < (span.end_line, span.end_column)


def test_two_of_a_kind_on_one_line_are_two_faults() -> None:
    assert [line.split(": ")[0] for line in fault("key: $X/$X\n").splitlines()] == [
        "distribution.yaml:1:6",
        "distribution.yaml:1:9",
    ]


def test_depth_has_a_limit() -> None:
    assert plain(document("a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)).root)
    for depth in (MAX_DEPTH + 1, 100_000):
        assert "too large" in fault("a: " + "[" * depth + "]" * depth)


def test_every_fault_of_the_form_is_told_in_order() -> None:
    lines = fault("a: $X\nb: 1\nb: 2\nc: ${x}\n? [d]\n: 1\n").splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "3", "4", "5"]


@given(st.text(alphabet="ab\n\r"), st.data())
def test_a_place_by_its_index(text: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(text)))
    span = Span.at(Source(PATH, text + "!"), index, 1)
    line = span.source.lines[span.line - 1]
    if text[index : index + 1] not in ("\r", "\n"):
        assert (line + "!")[span.column - 1] == (text + "!")[index]
