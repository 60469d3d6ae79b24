"""The cache is reused where it is equal, and then changes nothing, to the last bit."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from stackrt.engine.artifact import read_decoder, read_encoder
from stackrt.engine.decoder import CHUNK, Decoder
from stackrt.engine.tokenizer import Tokenizer

TOKENS = [(7 * index + index // 13) % 40000 + 100 for index in range(3 * CHUNK + 20)]


@pytest.fixture(scope="module")
def decoder(language_folder: Path) -> Decoder:
    return Decoder(language_folder, read_decoder(language_folder), threads=2)


def prefill(decoder: Decoder, tokens: list[int], start: int) -> NDArray[np.float32]:
    for position in range(start, len(tokens), CHUNK):
        logits = decoder.forward(tokens[position : position + CHUNK], position)
    return logits.copy()


def test_a_reused_prefix_gives_the_same_logits(decoder: Decoder) -> None:
    other = TOKENS[: 2 * CHUNK + 5] + TOKENS[:40]
    fresh = prefill(decoder, other, 0)
    prefill(decoder, TOKENS, 0)
    assert decoder.reusable(other) == 2 * CHUNK
    assert (prefill(decoder, other, 2 * CHUNK) == fresh).all()


def test_what_was_overwritten_is_not_reused(decoder: Decoder) -> None:
    prefill(decoder, TOKENS, 0)
    assert decoder.reusable(TOKENS) == 3 * CHUNK
    prefill(decoder, TOKENS[CHUNK:], CHUNK)
    assert decoder.reusable(TOKENS) == CHUNK
    decoder.forward([1], 0)
    assert decoder.reusable(TOKENS) == 0


def test_the_last_token_is_always_computed(decoder: Decoder) -> None:
    prefill(decoder, TOKENS, 0)
    assert decoder.reusable(TOKENS[: 2 * CHUNK]) == CHUNK
    assert decoder.reusable(TOKENS[: 2 * CHUNK + 1]) == 2 * CHUNK


def test_generated_tokens_are_not_reused(decoder: Decoder) -> None:
    """They were computed one by one, which rounds differently."""
    prefill(decoder, TOKENS[:CHUNK], 0)
    for position in range(CHUNK, 2 * CHUNK + 1):
        decoder.forward([TOKENS[position]], position)
    assert decoder.reusable(TOKENS) == CHUNK


def test_text_is_continued_sensibly(decoder: Decoder, language_folder: Path) -> None:
    tokenizer = Tokenizer(language_folder / "tokenizer.json")
    tokens = tokenizer.encode("one two three four five six seven", limit=99, special_tokens=False)
    assert tokenizer.decode([int(prefill(decoder, tokens, 0).argmax())]) == " eight"


def test_artifacts_are_told_apart(language_folder: Path, embedding_folder: Path) -> None:
    with pytest.raises(ValueError, match="of kind `encoder`, not `decoder`"):
        read_decoder(embedding_folder)
    with pytest.raises(ValueError, match="of kind `decoder`, not `encoder`"):
        read_encoder(language_folder)
