"""Suggestions: a slip is forgiven, another word is not taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.diagnostics.suggest import certain, nearest, renames

KEYS = ["base_url", "api_key", "connect_timeout", "read_timeout", "port", "host"]
TYPES = ["inline::onnx", "remote::ollama", "remote::openai", "remote::vllm"]


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("base_ulr", KEYS, "base_url"),
        ("baseurl", KEYS, "base_url"),
        ("BASE-URL", KEYS, "base_url"),
        ("api_kye", KEYS, "api_key"),
        ("prot", KEYS, "port"),
        ("read_timout", KEYS, "read_timeout"),
        ("something", KEYS, None),
        ("tls", KEYS, None),
        ("", KEYS, None),
        ("sql_default", ["kv_default"], None),
        ("remote::openia", TYPES, "remote::openai"),
        ("inline::openai", TYPES, "remote::openai"),
        ("openai", TYPES, "remote::openai"),
        ("remote::groq", TYPES, None),
        ("x", [], None),
    ],
)
def test_nearest(word: str, known: list[str], near: str | None) -> None:
    assert nearest(word, known) == near


@pytest.mark.parametrize(
    ("word", "known", "name"),
    [
        ("base_ulr", KEYS, "base_url"),
        ("PORT", KEYS, "port"),
        ("openai", TYPES, "remote::openai"),
        ("remot::openia", TYPES, "remote::openai"),
        ("inline::openai", TYPES, None),
        ("gpu", ["cpu", "cuda"], None),
        ("int3", ["int4", "int8"], None),
        ("int9", ["int4", "fp16"], None),
        ("timeout_a", ["timeout_b", "timeout_c"], None),
        ("something", KEYS, None),
    ],
)
def test_certain(word: str, known: list[str], name: str | None) -> None:
    assert certain(word, known) == name


def test_a_word_is_not_renamed_to_what_another_one_is_or_means() -> None:
    assert renames(["base_ulr", "prot", "host"], KEYS) == {"base_ulr": "base_url", "prot": "port"}
    assert renames(["base_ulr", "base_url"], KEYS) == {}
    assert renames(["base_ulr", "bas_url"], KEYS) == {}


names = st.text(alphabet="abc_", min_size=1, max_size=8)


@given(st.sets(names, min_size=1), st.data())
def test_a_known_name_is_its_own_nearest(known: set[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(known)))
    found = nearest(name, known)
    assert found is not None
    assert found.replace("-", "_") == name


@given(names, st.data())
def test_one_slip_is_forgiven(name: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(name) - 1))
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    for slip in (name[:at] + name[at + 1 :], name[:at] + "x" + name[at:], swapped):
        assert nearest(slip, [name]) == name


@given(st.text(), st.lists(st.text()))
def test_any_word(word: str, known: list[str]) -> None:
    found = nearest(word, known)
    assert found is None or found in known
