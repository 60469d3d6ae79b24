"""Texts that are too long are refused without encoding them whole, and others never are."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stackrt.engine.tokenizer import Tokenizer, TooManyTokensError


@pytest.fixture(scope="module")
def bpe(language_folder: Path) -> Tokenizer:
    return Tokenizer(language_folder / "tokenizer.json")


@pytest.fixture(scope="module")
def wordpiece(embedding_folder: Path) -> Tokenizer:
    return Tokenizer(embedding_folder / "tokenizer.json")


def test_special_tokens_open_and_close_a_text(wordpiece: Tokenizer) -> None:
    assert wordpiece.encode("hello", limit=9, special_tokens=False) == [7592]
    assert wordpiece.encode("hello", limit=9, special_tokens=True) == [101, 7592, 102]


def test_the_limit_is_exact(bpe: Tokenizer) -> None:
    tokens = bpe.encode("one two three four", limit=4, special_tokens=False)
    assert len(tokens) == 4
    with pytest.raises(TooManyTokensError) as caught:
        bpe.encode("one two three four", limit=3, special_tokens=False)
    assert (caught.value.count, caught.value.exact) == (4, True)


@pytest.mark.parametrize("size", [300_000, 10_000_000])
@pytest.mark.parametrize("text", ["word ", "a", " ", "日本", "!", "\n", "é🦩", "<|im_end|>"])
def test_long_texts_are_refused(bpe: Tokenizer, text: str, size: int) -> None:
    with pytest.raises(TooManyTokensError) as caught:
        bpe.encode(text * (size // len(text)), limit=1024, special_tokens=False)
    assert not caught.value.exact


@pytest.mark.parametrize("text", ["word ", "日本", "!", "a", " "])
def test_ten_megabytes_are_refused_by_wordpiece(wordpiece: Tokenizer, text: str) -> None:
    with pytest.raises(TooManyTokensError) as caught:
        wordpiece.encode(text * (10_000_000 // len(text)), limit=256, special_tokens=True)
    assert not caught.value.exact


def test_a_long_text_of_few_tokens_is_taken(wordpiece: Tokenizer) -> None:
    assert len(wordpiece.encode("a" * 200_000, limit=256, special_tokens=True)) == 3


@given(
    words=st.lists(
        st.one_of(
            st.sampled_from(["a", " ", "  \n", "x" * 120, "supercalifragilistic", "日本", "..."])
        ),
        max_size=150,
    ),
    limit=st.integers(3, 120),
)
@settings(deadline=None)
def test_only_texts_over_the_limit_are_refused(
    bpe: Tokenizer, wordpiece: Tokenizer, words: list[str], limit: int
) -> None:
    text = "".join(words)
    for tokenizer in (bpe, wordpiece):
        count = len(tokenizer.encode(text, limit=10**6, special_tokens=True))
        try:
            assert len(tokenizer.encode(text, limit=limit, special_tokens=True)) == count
        except TooManyTokensError as error:
            assert limit < error.count <= count
