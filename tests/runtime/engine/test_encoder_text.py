"""Texts as encoders read them, against the tokenizers library's own truncation and pairs."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from encoder_checkpoints import tokenizer_json
from stackrt.engine.encoder_text import Cut, EncoderText, PairText
from stackrt.engine.tokenizer import Frame, Tokenizer, TooManyTokensError
from tokenizers import Tokenizer as Library

WORDS = [f"w{number}" for number in range(60)]
LONG = " ".join(WORDS)


@pytest.fixture(params=[False, True], ids=["bert", "roberta"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(tokenizer_json(pairs_repeat_end=request.param)))
    return file


def test_frames(path: Path, request: pytest.FixtureRequest) -> None:
    tokenizer = Tokenizer(path)
    repeated = "roberta" in request.node.name
    assert tokenizer.frame(1) == Frame([0], [], [2])
    assert tokenizer.frame(2) == Frame([0], [2, 2] if repeated else [2], [2])


@pytest.mark.parametrize("cut", ["start", "end"])
@pytest.mark.parametrize("text", ["w1 w2", LONG, "", LONG * 500, " " * 5000 + LONG])
def test_cut_texts(path: Path, text: str, cut: Cut) -> None:
    library = Library.from_file(str(path))
    library.enable_truncation(12, direction={"start": "left", "end": "right"}[cut])
    (row,) = EncoderText(Tokenizer(path), max_tokens=12).rows([text], cut=cut)
    assert list(row.tokens) == library.encode(text).ids


def test_texts_that_are_not_cut(path: Path) -> None:
    text = EncoderText(Tokenizer(path), max_tokens=12)
    assert [row.tokens for row in text.rows(["w1", "w2 w3"])] == [[0, 5, 2], [0, 6, 7, 2]]
    with pytest.raises(TooManyTokensError):
        text.rows(["w1", LONG])


def test_a_text_that_may_not_have_a_word(path: Path) -> None:
    assert EncoderText(Tokenizer(path), max_tokens=1).rows(["w1"], cut="end")[0].tokens == [0, 2]


def test_windows_cover_a_text(path: Path) -> None:
    text = EncoderText(Tokenizer(path), max_tokens=14)
    assert [list(row.tokens) for row in text.windows("w0 w1", most=9)] == [[0, 4, 5, 2]]
    windows = [list(row.tokens)[1:-1] for row in text.windows(LONG, most=9)]
    assert all(len(window) == 12 for window in windows)
    assert [token for window in windows for token in window if token not in (0, 2)][:12] == [
        *range(4, 16)
    ]
    assert {token for window in windows for token in window} == {*range(4, 64)}
    for before, after in pairwise(windows):
        assert after[0] - before[0] <= 9
    assert text.room_of(1) == 12
    assert len(text.windows(" ".join(["w1"] * 12), most=1)) == 1
    with pytest.raises(TooManyTokensError):
        text.windows(" ".join(["w1"] * 13), most=1)


def test_pairs(path: Path) -> None:
    library = Library.from_file(str(path))
    texts = ["w1 w2", "w9", "", LONG[:20]]
    for text, row in zip(
        texts, PairText(Tokenizer(path), max_tokens=30).rows("w5 w6", texts), strict=True
    ):
        encoding = library.encode("w5 w6", text)
        assert list(row.tokens) == encoding.ids
        if 1 in encoding.type_ids:
            assert row.second == encoding.type_ids.index(1)


def test_pairs_that_are_too_long(path: Path) -> None:
    pairs = PairText(Tokenizer(path), max_tokens=30)
    for query, text in (("w1 " * 20, "w2 " * 20), (LONG, "w1"), ("w1", LONG)):
        with pytest.raises(TooManyTokensError):
            pairs.rows(query, [text])
