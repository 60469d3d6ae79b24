"""Text that comes token by token is the text of all tokens, in whole characters."""

from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stackrt.engine.detokenize import Detokenizer
from stackrt.engine.tokenizer import Tokenizer
from tokenizers import AddedToken, decoders, models, normalizers
from tokenizers import Tokenizer as LibraryTokenizer

# All characters, and more of what is made of several: joined emoji, combining marks.
CHARACTERS = st.characters(codec="utf-8")
TEXT = st.text(st.one_of(CHARACTERS, st.sampled_from("👩‍🚀🇫🇷é̈日本語 \n\t")))


@pytest.fixture(scope="module")
def byte_level(language_folder: Path) -> Tokenizer:
    return Tokenizer(language_folder / "tokenizer.json")


@pytest.fixture(scope="module")
def sentencepiece(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """Llama's kind of tokenizer: `▁` for spaces, bytes for characters outside of its vocabulary."""
    names = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "▁",
        *"aebdhlortw",
    ]
    names += ["he", "hel", "▁w", "or", "日"]
    merges = [("h", "e"), ("he", "l"), ("▁", "w"), ("o", "r")]
    model = models.BPE(
        vocab={name: index for index, name in enumerate(names)},
        merges=merges,
        unk_token="<unk>",
        byte_fallback=True,
    )
    library = LibraryTokenizer(model)
    library.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    library.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    library.add_special_tokens([AddedToken(name, special=True) for name in ("<s>", "</s>")])
    path = tmp_path_factory.mktemp("sentencepiece") / "tokenizer.json"
    library.save(str(path))
    return Tokenizer(path)


@pytest.fixture(scope="module")
def metaspace(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    """A SentencePiece tokenizer as the library writes it today: one step for the space."""
    names = ["<unk>", "▁he", "▁", "llo", "y"]
    library = LibraryTokenizer(
        models.BPE(dict(zip(names, range(5), strict=True)), [], unk_token="<unk>")
    )
    library.decoder = decoders.Metaspace(prepend_scheme="first")
    path = tmp_path_factory.mktemp("metaspace") / "tokenizer.json"
    library.save(str(path))
    return Tokenizer(path)


def deltas(tokenizer: Tokenizer, tokens: list[int], **how: bool) -> list[str]:
    detokenizer = Detokenizer(tokenizer, **how)
    return [detokenizer.feed(token) for token in tokens]


@given(text=TEXT)
@settings(deadline=None)
def test_byte_level_text_comes_back(byte_level: Tokenizer, text: str) -> None:
    tokens = byte_level.encode(text, limit=10_000, special_tokens=False)
    assume(byte_level.decode(tokens) == text)  # SmolLM2 has no tokens for some control characters
    assert "".join(deltas(byte_level, tokens)) == text


@given(tokens=st.lists(st.integers(0, 49151), max_size=30))
@settings(deadline=None)
def test_any_tokens_read_as_if_decoded_at_once(byte_level: Tokenizer, tokens: list[int]) -> None:
    """Also where they spell no UTF-8; the last one ends a character that was left unfinished."""
    tokens = [*tokens, *byte_level.encode("\n", limit=1, special_tokens=False)]
    assert "".join(deltas(byte_level, tokens)) == byte_level.decode(tokens)


@given(text=TEXT)
@settings(deadline=None)
def test_every_delta_is_whole_characters(byte_level: Tokenizer, text: str) -> None:
    tokens = byte_level.encode(text, limit=10_000, special_tokens=False)
    assume(byte_level.decode(tokens) == text)
    so_far = ""
    for delta in deltas(byte_level, tokens):
        so_far += delta
        assert text.startswith(so_far)


@given(text=st.text(st.one_of(CHARACTERS, st.sampled_from("hello world日本👩‍🚀"))))
@settings(deadline=None)
def test_sentencepiece_text_comes_back(sentencepiece: Tokenizer, text: str) -> None:
    """With the space that such tokenizers put in front, as a text that continues another has it."""
    text = text.replace("▁", "_")
    tokens = sentencepiece.encode(text, limit=10_000, special_tokens=False)
    joined = "".join(deltas(sentencepiece, tokens))
    assert joined == (f" {text}" if text else "")
    assert joined.removeprefix(" ") == sentencepiece.decode(tokens)


def test_special_tokens_have_no_text(byte_level: Tokenizer, sentencepiece: Tokenizer) -> None:
    assert deltas(byte_level, [1, 2, 0]) == ["", "", ""]
    assert deltas(sentencepiece, [1, 2]) == ["", ""]
    assert byte_level.spelling(1) == b"<|im_start|>"


def test_an_unfinished_character_does_not_appear(byte_level: Tokenizer) -> None:
    tokens = byte_level.encode("a🦩", limit=10, special_tokens=False)
    assert len(tokens) > 2
    assert "".join(deltas(byte_level, tokens[:-1])) == "a"


# Bytes first, so that many are next to each other and some of those are characters.
PIECES = st.lists(
    st.one_of(
        st.integers(0, 279),
        st.characters(codec="utf-8").map(lambda character: [3 + b for b in character.encode()]),
    ),
    max_size=20,
).map(lambda parts: [t for part in parts for t in (part if isinstance(part, list) else [part])])


@given(tokens=PIECES)
@settings(deadline=None)
def test_any_sentencepiece_tokens_read_as_their_bytes(
    sentencepiece: Tokenizer, tokens: list[int]
) -> None:
    """And as the library has it, where they spell UTF-8: elsewhere it replaces whole runs."""
    newline = 3 + ord("\n")
    spelled = b"".join(sentencepiece.token_bytes(token) for token in tokens)
    read = "".join(deltas(sentencepiece, [*tokens, newline], starts_text=True))
    assert read == (spelled.decode(errors="replace") + "\n").removeprefix(" ")
    try:
        spelled.decode()
    except UnicodeDecodeError:
        return
    assume(not any(token in (1, 2) for token in tokens))
    assert read == sentencepiece.decode([*tokens, newline])


@given(tokens=st.lists(st.integers(0, 4), max_size=8))
@settings(deadline=None)
def test_any_metaspace_tokens_read_as_if_decoded_at_once(
    metaspace: Tokenizer, tokens: list[int]
) -> None:
    assert "".join(deltas(metaspace, tokens, starts_text=True)) == metaspace.decode(tokens)


def test_only_the_first_space_of_a_text_is_none(
    sentencepiece: Tokenizer, byte_level: Tokenizer
) -> None:
    tokens = sentencepiece.encode("hello", limit=9, special_tokens=False)
    assert "".join(deltas(sentencepiece, tokens, starts_text=True)) == "hello"
    assert "".join(deltas(sentencepiece, tokens)) == " hello"
    twice = deltas(sentencepiece, [1, *tokens, *tokens], starts_text=True)
    assert "".join(twice) == "hello hello"
    spaced = byte_level.encode(" hello", limit=9, special_tokens=False)
    assert "".join(deltas(byte_level, spaced, starts_text=True)) == " hello"


def test_special_tokens_are_named_if_asked_for(byte_level: Tokenizer) -> None:
    tokens = byte_level.encode("<|im_start|>user", limit=9, special_tokens=False)
    assert "".join(deltas(byte_level, tokens, special_tokens=True)) == "<|im_start|>user"
    assert byte_level.decode(tokens, special_tokens=True) == "<|im_start|>user"
    assert byte_level.special_tokens(["user", "<|im_start|>", "<nope>"]) == {1}
