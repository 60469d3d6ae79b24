"""Fuzzing: a broken distribution gives diagnostics and nothing else; what resolves becomes code."""

import ast
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from stackc import lock
from stackc.catalog import Catalog
from stackc.check import check
from stackc.diagnostics.render import FORMATS, render
from stackc.diagnostics.report import CompileError
from stackc.emit import emit
from stackc.load import read
from stackc.lock import Lock, LockedHead, LockedModel, ModelKey
from stackc.plan import plan
from stackc.resolve import resolve
from stackc.stack import Stack

ROOT = Path(__file__).parent.parent.parent
STARTER = ROOT / "distributions" / "starter.yaml"
TEXT = STARTER.read_text()
DATA: dict[str, Any] = YAML(typ="safe", pure=True).load(TEXT)
CATALOG = Catalog()
SECRET = "never-to-be-shown"

words = st.sampled_from(
    (
        *("inference", "models", "onnx", "openai", "remote::openai", "inline::onnx", "embedding"),
        *("${env.X}", "${env.X:=1}", "${env.X:+openai}", "a${env.X}b", "$X", "$$X", "-1", "1e400"),
        *("${env.OLLAMA_URL:=http://x}", "http://x/", "file:x", "pypi:a==1#b", "class", "日本"),
        "\ud83e\uddd9",
    )
)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
)


def front(text: str) -> Stack | None:
    """The stack of a text, or None where it has faults, which can be shown in every form."""
    try:
        return resolve(check(read(STARTER, text), CATALOG), CATALOG)
    except CompileError as error:
        for form in FORMATS:
            shown = render(error.diagnostics, form)
            assert shown
            assert SECRET not in shown
        return None


def pinned(key: ModelKey) -> LockedModel:
    """A language model, or a classifier if it has a head."""
    return LockedModel(
        source=key.source,
        quantization=key.quantization,
        model_type="classifier" if key.head else "llm",
        architecture="llama",
        context_length=8192,
        embedding_dimension=None,
        parameters=134_515_008,
        layers=30,
        hidden_size=576,
        vocab_size=49152,
        kv_heads=3,
        head_dim=64,
        files=(),
        head=LockedHead(*key.head, files=()) if key.head else None,
    )


def assert_becomes_code(stack: Stack) -> None:
    """After resolving nothing can fail: the plan is made, and its Python can be read."""
    models = tuple(map(pinned, lock.keys(stack)))
    pins = Lock(stack.packages.required, stack.packages.excluded, (), models)
    planned = plan(stack, pins, CATALOG)
    for path, data in emit(planned, None).items():
        if path.endswith(".py"):
            ast.parse(data)
        if path.endswith(".json"):
            json.loads(data)


def assert_sound(text: str) -> None:
    stack = front(text)
    if stack:
        assert_becomes_code(stack)


def paths(value: object, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a value."""
    inner = value.items() if isinstance(value, dict) else []
    inner = enumerate(value) if isinstance(value, list) else inner
    return [before] + [path for key, each in inner for path in paths(each, (*before, key))]


def put(value: Any, path: tuple[Any, ...], new: object) -> Any:
    """A copy of the value with another one at a path."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = put(value[path[0]], path[1:], new)
    return copy


@st.composite
def broken_lines(draw: st.DrawFn, *, spare: str = "no such line") -> str:
    """The starter with lines deleted, doubled, replaced, cut, indented or joined, but for one."""
    lines = TEXT.splitlines(keepends=True)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        if spare in lines[at]:
            continue
        other = draw(st.integers(0, len(lines) - 1))
        cut = draw(st.integers(0, len(lines[at])))
        change = draw(st.sampled_from(["delete", "double", "replace", "cut", "indent", "insert"]))
        changed = {
            "delete": [],
            "double": [lines[at]] * 2,
            "replace": [lines[other]],
            "cut": [lines[at][:cut]],
            "indent": [f" {lines[at]}"],
            "insert": [lines[at][:cut] + draw(words | st.text(max_size=5)) + lines[at][cut:]],
        }
        lines[at : at + 1] = changed[change]
        lines = lines or [""]
    return "".join(lines)


@settings(max_examples=150, deadline=None)
@given(broken_lines())
def test_broken_lines(text: str) -> None:
    assert_sound(text)


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(paths(DATA)), values), min_size=1, max_size=3))
def test_other_values(changes: list[tuple[tuple[Any, ...], object]]) -> None:
    data = DATA
    for path, value in changes:
        if path in paths(data):
            data = put(data, path, value)
    assert_sound(json.dumps(data))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(paths(DATA)), words), min_size=1, max_size=3))
def test_other_words(changes: list[tuple[tuple[Any, ...], str]]) -> None:
    leaf = [(path, word) for path, word in changes if isinstance(at(path), str | int)]
    data = DATA
    for path, word in leaf:
        data = put(data, path, word)
    assert_sound(json.dumps(data))


def at(path: tuple[Any, ...]) -> object:
    value: Any = DATA
    for step in path:
        value = value[step]
    return value


@settings(max_examples=100, deadline=None)
@given(
    broken_lines(spare="api_key"),
    st.sampled_from(["{}", '"{}"', "'{}'", "${{env.KEY:={}}}", "${{KEY:-{}}}"]),
)
def test_a_secret_is_not_shown(text: str, form: str) -> None:
    secret = form.format(SECRET)
    front(text.replace("${env.OPENAI_API_KEY:=}", secret))


def locks() -> list[str]:
    """The lock of the starter with one value of it replaced, for many values."""
    chance = random.Random(8321)
    data = json.loads(STARTER.with_suffix(".lock").read_text())
    data["packages"] = data["packages"][:2]
    others = (None, True, -1, 1.5, "x", [], {}, [[]], [{}], {"files": [1]})
    found = [json.dumps(put(data, path, chance.choice(others))) for path in paths(data)]
    text = json.dumps(data)
    cut = [text[: chance.randrange(len(text))] for _ in range(10)]
    return [*found, *cut, "", "null", "[]", "{}", "[" * 100_000]


def test_a_broken_lock_is_a_diagnostic(tmp_path: Path) -> None:
    path = tmp_path / "starter.yaml"
    stack = resolve(check(read(path, TEXT), CATALOG), CATALOG)
    for text in locks():
        path.with_suffix(".lock").write_text(text)
        try:
            emit(plan(stack, lock.pinned(stack), CATALOG), None)
        except CompileError as error:
            assert render(error.diagnostics, "human")


LOCKED = [path.with_suffix(".yaml") for path in sorted(STARTER.parent.glob("*.lock"))]
ALONE = [path for path in LOCKED if "\nextends:" not in path.read_text()]


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_the_distributions_themselves(path: Path) -> None:
    stack = front(path.read_text())
    assert stack
    assert_becomes_code(stack)
