"""Whole distributions made from the schema and the catalog, right ones and broken ones."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from soundness import CATALOG, compiled, told
from stackc import lock
from stackc.diagnostics.report import CompileError
from stackc.diagnostics.secrets import names_secret
from stackc.emit import emit
from stackc.load import load
from stackc.lock import Lock
from stackc.migrate import migrated
from stackc.pipeline import front
from stackc.plan import plan
from stackc.spellings.modern import modern
from stackc.stack import Stack
from stackc.tree import plain

SECRET = "never-to-be-shown"
SCHEMA = CATALOG.distribution_schema
TYPES = [(api, type_) for api in CATALOG.api_names for type_ in CATALOG.provider_types(api)]
BUILT = [(api, type_) for api in CATALOG.api_names for type_ in CATALOG.built_types(api)]

names = st.sampled_from(
    ("a", "b", "openai", "local-1", "kv_default", "sql_default", "日本", "x" * 300)
)
texts = names | st.sampled_from(
    (
        *(
            "",
            "1",
            "true",
            "null",
            "-",
            "a: b",
            "#",
            "'",
            '"',
            "\ttab",
            "two\nlines",
            "\x85",
            "\ufeff",
        ),
        *(
            "http://localhost:1/v1",
            "https://x.example",
            "\u202e",
            "e\u0301",
            "\U0001f9d9",
            "~",
            "<<",
        ),
    )
)
defaults = {"string": "d", "integer": "8321", "number": "0.5", "boolean": "true", "null": ""}
malformed = st.sampled_from(
    ("${env.X:d}", "$X", "${x}", "${env.W:=__disabled__}", "${env.X:+}", "${")
)


def expressions(kind: str) -> st.SearchStrategy[str]:
    """Expressions that a field of a kind takes; each variable is of one kind."""
    name = f"A_{kind}".upper()
    found = st.sampled_from((f"${{env.{name}}}", f"${{env.{name}_D:={defaults.get(kind, 'd')}}}"))
    return found | st.just("a${env.X}b$$Y${env.Y:=c}") if kind == "string" else found


def of(schema: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a schema, or expressions that may stand for them."""
    if "$ref" in schema:
        schema = {**SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], **schema}
    if schema.get("format") == "password":
        return st.sampled_from((SECRET, f"${{env.KEY:={SECRET}}}", "${env.KEY}"))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = schema.get("type", "string")
    kind = kinds if isinstance(kinds, str) else kinds[0]
    if kind == "object":
        return mapping(schema, depth)
    if kind == "array":
        return st.lists(of(schema.get("items", {}), depth + 1), max_size=2)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(0, 100_000),
        "number": st.floats(0, 10),
        "boolean": st.booleans(),
        "null": st.none(),
    }
    found = simple.get(kind, texts)
    return found if "x-static" in schema else found | expressions(kind)


def mapping(schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
    """Objects with what they must have, and some of the rest."""
    properties, required = schema.get("properties", {}), schema.get("required", ())
    if depth > 4:
        return st.just({})
    inner = {name: of(each, depth + 1) for name, each in properties.items()}
    if "backend" in inner:
        kind = "sql" if "table_name" in inner else "kv"
        inner["backend"] = st.sampled_from((f"{kind}_default", f"{kind}_default", "other"))
    must = {name: inner.pop(name) for name in required if name in inner}
    may = {name: each for name, each in inner.items() if "x-planned" not in properties[name]}
    return st.fixed_dictionaries(must, optional=may).map(thinned)


def thinned(value: dict[str, Any]) -> dict[str, Any]:
    """No more than a few keys of very many."""
    return dict(list(value.items())[:8])


@st.composite
def providers(draw: st.DrawFn, types: list[tuple[str, str]]) -> dict[str, Any]:
    """A section of providers, each of a type of the catalog."""
    found: dict[str, Any] = {}
    for number, (api, type_) in enumerate(
        draw(st.lists(st.sampled_from(types), max_size=4, unique=True))
    ):
        known = CATALOG.provider(api, type_)
        assert known
        id_ = draw(st.sampled_from((f"p{number}", f"${{env.ENABLE_{number}:+p{number}}}")) | names)
        config = draw(of(known.config))
        found.setdefault(api, []).append(
            {"provider_id": id_, "provider_type": type_, "config": config}
        )
    return found


@st.composite
def distributions(draw: st.DrawFn, types: list[tuple[str, str]]) -> dict[str, Any]:
    """A whole distribution: what it must have, providers, and a few other sections."""
    known = sorted(SCHEMA["properties"]) if types == TYPES else ["server", "logging"]
    others = draw(st.lists(st.sampled_from(known), max_size=2, unique=True))
    sections = {name: draw(of(SCHEMA["properties"][name])) for name in others if name != "extends"}
    found = draw(providers(types))
    serving = [each["provider_id"] for each in found.get("inference", ())]
    models = [{"model_id": draw(texts), "provider_id": id_} for id_ in serving if "$" not in id_]
    resources = {"registered_resources": {"models": models}} if models else {}
    return {"version": 2, "image_name": "fuzzed", **resources, **sections, "providers": found}


def paths(value: object, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a value, but for the whole."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path for key, each in inner for path in ((*before, key), *paths(each, (*before, key)))]


@st.composite
def broken(draw: st.DrawFn) -> dict[str, Any]:
    """A distribution of which keys are dropped, doubled, renamed, or have another value."""
    value = json.loads(json.dumps(draw(distributions(TYPES))))
    for _ in range(draw(st.integers(1, 3))):
        *before, key = draw(st.sampled_from(paths(value)))
        owner = value
        for step in before:
            owner = owner[step]
        if key not in (owner if isinstance(owner, dict) else range(len(owner))):
            continue
        change = draw(st.sampled_from(("drop", "twice", "rename", "value")))
        if change == "drop":
            del owner[key]
        elif change == "twice" and isinstance(owner, list):
            owner.append(owner[key])
        elif change == "rename" and isinstance(owner, dict) and not names_secret(key):
            owner[f"{key}s"] = owner.pop(key)
        else:
            owner[key] = draw(
                texts
                | malformed
                | expressions("string")
                | st.none()
                | st.integers()
                | st.just([{}])
            )
        if not paths(value):
            break
    return value


forms = st.sampled_from(
    (
        json.dumps,
        lambda value: json.dumps(value, indent=1, ensure_ascii=False),
        lambda value: yaml.safe_dump(value, allow_unicode=True, sort_keys=False, width=1000),
        lambda value: yaml.safe_dump(value).replace("\n", "\r\n"),
    )
)


def assert_no_secret(result: Stack | CompileError) -> None:
    said = result.warnings if isinstance(result, Stack) else result.diagnostics
    assert SECRET not in told(said)


def assert_becomes_code(stack: Stack) -> dict[str, bytes]:
    """What resolves and has no model to pin is planned and printed."""
    assert not lock.keys(stack)
    pins = Lock(stack.packages.required, stack.packages.excluded, (), ())
    return emit(plan(stack, pins, CATALOG), None)


@settings(max_examples=120, deadline=None)
@given(distributions(TYPES) | broken(), forms)
def test_a_distribution_is_a_stack_or_diagnostics(value: dict[str, Any], form: Any) -> None:
    result = compiled(form(value))
    assert_no_secret(result)
    if isinstance(result, Stack) and not lock.keys(result):
        assert_becomes_code(result)


@settings(max_examples=60, deadline=None)
@given(distributions(BUILT), st.integers())
def test_the_order_of_keys_means_nothing(value: dict[str, Any], seed: int) -> None:
    one, other = compiled(json.dumps(value)), compiled(json.dumps(shuffled(value, seed)))
    assert isinstance(one, Stack) == isinstance(other, Stack)
    if isinstance(one, Stack) and isinstance(other, Stack):
        assert codes(one.warnings) == codes(other.warnings)
        if not lock.keys(one):
            assert assert_becomes_code(one) == assert_becomes_code(other)
    elif isinstance(one, CompileError) and isinstance(other, CompileError):
        assert codes(one.diagnostics) == codes(other.diagnostics)


def codes(said: Any) -> Counter[str]:
    return Counter(each.code for each in said)


def shuffled(value: Any, seed: int) -> Any:
    """The same with all keys in another order; lists keep theirs, and APIs' maps too."""
    if isinstance(value, dict):
        keys = list(value)
        random.Random(seed).shuffle(keys)
        return {key: shuffled(value[key], seed) for key in keys}
    return [shuffled(each, seed) for each in value] if isinstance(value, list) else value


@settings(max_examples=60, deadline=None)
@given(distributions(TYPES) | broken(), forms)
def test_migrating_keeps_the_meaning(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any], form: Any
) -> None:
    path = tmp_path_factory.mktemp("migrate") / "distribution.yaml"
    value = {"metadata_store": {"type": "sqlite", "db_path": "/x"}, "vector_dbs": [], **value}
    path.write_bytes(form(value).encode())
    try:
        before = modern(load(path), CATALOG)
        text = migrated(path, CATALOG)
    except CompileError as error:
        told(error.diagnostics)
        return
    path.write_bytes(text.encode())
    after = modern(load(path), CATALOG)
    assert plain(after.document.root) == plain(before.document.root)
    assert not after.changes


@settings(max_examples=60, deadline=None)
@given(broken(), distributions(TYPES), forms)
def test_a_distribution_over_another_one(
    tmp_path_factory: pytest.TempPathFactory,
    over: dict[str, Any],
    below: dict[str, Any],
    form: Any,
) -> None:
    folder: Path = tmp_path_factory.mktemp("extends")
    (folder / "below.yaml").write_bytes(form(below).encode())
    (folder / "over.yaml").write_bytes(form({**over, "extends": "below.yaml"}).encode())
    try:
        said = front(folder / "over.yaml", CATALOG).warnings
    except CompileError as error:
        said = error.diagnostics
    assert SECRET not in told(said)
