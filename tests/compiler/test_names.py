"""Names: whatever a YAML name is, its Python name is one, and no two are the same."""

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stackc.names import folder, identifier, package, unique


@given(st.text())
def test_any_name_is_a_python_name(name: str) -> None:
    word = identifier(name)
    assert word.isidentifier()
    assert word.isascii()
    assert not keyword.iskeyword(word)


@given(
    st.lists(st.text(alphabet="ax-_2", min_size=1), unique=True, max_size=8),
    st.frozensets(st.sampled_from(["a", "x", "a_model", "_"])),
)
def test_no_two_names_are_the_same(names: list[str], taken: frozenset[str]) -> None:
    chosen = unique(names, taken, "model")
    assert list(chosen) == names
    assert len(set(chosen.values())) == len(names)
    assert not taken & set(chosen.values())


@given(st.text())
def test_any_name_is_a_name_of_a_folder(name: str) -> None:
    found = folder(name)
    assert found not in ("", ".", "..")
    assert "/" not in found
    assert not found.startswith((".", "-"))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("openai", "openai"),
        ("vllm-inference", "vllm_inference"),
        ("GPT 4.1", "gpt_4_1"),
        ("4bit", "_4bit"),
        ("class", "class_"),
        ("日本", "_"),
        ("ﬁle", "le"),
    ],
)
def test_examples(name: str, word: str) -> None:
    assert identifier(name) == word


def test_a_name_that_is_taken_gets_the_suffix_then_a_number() -> None:
    assert unique(["a-b", "a.b", "a b"], frozenset(), "provider") == {
        "a-b": "a_b",
        "a.b": "a_b_provider",
        "a b": "a_b_provider_2",
    }


@pytest.mark.parametrize("stack", ["json", "starlette", "settings", "models", "nvidia"])
def test_a_package_hides_nothing(stack: str) -> None:
    assert package(stack) == f"{stack}_stack"
    assert package("async-io") == "async_io"
