"""Rebuilt tokenizers against the token ids of llama.cpp.

`tokenizer_ids.json` holds vocabularies that were trained for the purpose (byte-level BPE with four
pre-tokenizers, SentencePiece BPE with byte fallback), texts, and the ids that llama.cpp's server
gave for them (`/tokenize` without special tokens of its own); likewise for SmolLM2.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from stackc.models.decoders.tokenizer import read_vocabulary, special_tokens, tokenizer_json
from stackc.models.formats.gguf import GgufFile
from tokenizers import Tokenizer

from .conftest import Files
from .gguf_files import byte_vocabulary, llama_metadata, write_gguf

RECORDED = json.loads((Path(__file__).parent / "tokenizer_ids.json").read_text())
TEXTS: list[str] = RECORDED["texts"]
VOCABULARIES: dict[str, Any] = RECORDED["vocabularies"]


def tokenizer_of(path: Path) -> Tokenizer:
    with GgufFile(path, name=path.name) as file:
        content = tokenizer_json(file, read_vocabulary(file))
    return Tokenizer.from_str(json.dumps(content))


def write_vocabulary(folder: Path, **entries: Any) -> Path:
    metadata = dict.fromkeys(byte_vocabulary())
    metadata |= {f"tokenizer.ggml.{key}": value for key, value in entries.items()}
    return write_gguf(folder / "model.gguf", llama_metadata(**metadata))


@pytest.mark.parametrize("name", VOCABULARIES)
def test_ids_and_round_trips(tmp_path: Path, name: str) -> None:
    recorded = VOCABULARIES[name]
    tokenizer = tokenizer_of(write_vocabulary(tmp_path, **recorded["metadata"]))
    for text, want in zip(TEXTS, recorded["ids"], strict=True):
        # Qwen's own tokenizer composes characters first; llama.cpp leaves that out.
        if name == "qwen2" and "\u0301" in text:
            continue
        assert tokenizer.encode(text).ids == want, text
        assert tokenizer.decode(want, skip_special_tokens=False) == text


def test_qwen_composes_characters(tmp_path: Path) -> None:
    tokenizer = tokenizer_of(write_vocabulary(tmp_path, **VOCABULARIES["qwen2"]["metadata"]))
    assert tokenizer.encode("e\u0301").ids == tokenizer.encode("\u00e9").ids


def test_smollm2(smollm2: Files) -> None:
    tokenizer = tokenizer_of(next(iter(smollm2.values())))
    for text, want in zip(TEXTS, RECORDED["smollm2"], strict=True):
        assert tokenizer.encode(text).ids == want, text
        assert tokenizer.decode(want, skip_special_tokens=False) == text


def test_special_tokens(tmp_path: Path) -> None:
    path = write_vocabulary(tmp_path, **VOCABULARIES["smollm"]["metadata"])
    tokenizer = tokenizer_of(path)
    ids = tokenizer.encode("<|im_start|>a<tool>b<|im_end|>").ids
    assert tokenizer.decode(ids) == "a<tool>b"  # control tokens are left out, others are not
    assert [ids[0], ids[-1]] == [1, 2]
    with GgufFile(path, name="m") as file:
        vocabulary = read_vocabulary(file)
    # The metadata names <|im_end|>; <|endoftext|> ends a text just as well.
    assert vocabulary.eos_ids == (2, 0)
    assert vocabulary.text(vocabulary.bos_id) == "<|im_start|>"


@pytest.mark.parametrize(
    ("entries", "want"),
    [
        ({}, False),
        ({"pre": "llama-bpe"}, True),
        ({"pre": "llama-bpe", "add_bos_token": False}, False),
        ({"add_bos_token": True}, True),
    ],
)
def test_beginning_of_text(tmp_path: Path, entries: dict[str, Any], want: bool) -> None:
    metadata = {**VOCABULARIES["smollm"]["metadata"], "add_bos_token": None, **entries}
    with GgufFile(write_vocabulary(tmp_path, **metadata), name="m") as file:
        assert read_vocabulary(file).add_bos is want


@pytest.mark.parametrize(
    "keys",
    [
        ("fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id"),
        ("prefix_token_id", "suffix_token_id", "middle_token_id"),
    ],
)
def test_tokens_around_a_gap(tmp_path: Path, keys: tuple[str, ...]) -> None:
    metadata = VOCABULARIES["smollm"]["metadata"]
    named = {key: 3 + place for place, key in enumerate(keys)}
    for entries, want in ((named, [3, 4, 5]), ({}, [None] * 3)):
        with GgufFile(write_vocabulary(tmp_path, **metadata, **entries), name="m") as file:
            found = special_tokens(file, read_vocabulary(file)).fill_ids
        assert list(found.items()) == list(zip(("prefix", "suffix", "middle"), want, strict=True))
