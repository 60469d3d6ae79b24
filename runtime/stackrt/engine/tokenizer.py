"""Text to tokens and back: the `tokenizers` library, with a limit on what a text may cost."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from stackrt.lifecycle import StartError

# Characters that a token stands for: in a text that is encoded without a look at its length, and
# in one that is refused unseen. Only blanks and WordPiece's unknown words are longer than that.
_CHARACTERS_PER_TOKEN = 16
_CHARACTERS_PER_TOKEN_AT_MOST = 1000
# More tokens than cutting a text in two can add: WordPiece gives up on words of 100 characters,
# and merges of byte-pair encoding are local.
_TOKENS_PER_CUT = 100
# Texts encoded at once: each token costs the library some hundred bytes until its ids are read.
_TEXTS_AT_ONCE = 32


class TooManyTokensError(Exception):
    """A text has more tokens than its limit: `count` of them, or more than that if not `exact`."""

    def __init__(self, count: int, *, exact: bool) -> None:
        super().__init__(f"{count} tokens")
        self.count = count
        self.exact = exact


@dataclass(frozen=True)
class Frame:
    """The special tokens around a text, or around two texts and `between` them."""

    before: list[int]
    between: list[int]
    after: list[int]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.before) + len(self.between) + len(self.after)


class Tokenizer:
    """A tokenizer.json. Methods may be called from any thread, and release the GIL.

    `prepends_space` if it puts a space in front of a text, and takes it away when it decodes.
    """

    def __init__(self, path: Path) -> None:
        """Raises StartError for a file that the library refuses."""
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises no class of its own
            raise StartError(f"{path} is no tokenizer: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = {id: token.content for id, token in added.items() if token.special}
        decoders = _parts(self._tokenizer.decoder)
        self._byte_level = any(part["type"] == "ByteLevel" for part in decoders)
        self.prepends_space = any(map(_strips_space, decoders))

    def encode(self, text: str, *, limit: int, special_tokens: bool) -> list[int]:
        """The tokens of `text`, with those that open and close a text if `special_tokens`.

        Raises TooManyTokensError if there are more than `limit`.
        """
        return self.encode_all([text], limit=limit, special_tokens=special_tokens)[0]

    def encode_all(
        self, texts: Sequence[str], *, limit: int, special_tokens: bool
    ) -> list[list[int]]:
        """`encode` of each of `texts`, on several cores."""
        encoded: list[list[int]] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            group = texts[start : start + _TEXTS_AT_ONCE]
            for text in group:
                self._check_length(text, limit)
            for encoding in self._tokenizer.encode_batch_fast(
                group, add_special_tokens=special_tokens
            ):
                if len(encoding) > limit:
                    raise TooManyTokensError(len(encoding), exact=True)
                encoded.append(encoding.ids)
        return encoded

    def frame(self, texts: int) -> Frame:
        """The special tokens that the tokenizer puts around one text, or around two.

        Raises ValueError if it knows no token for a plain letter, or mixes the texts.
        """
        encoding = self._tokenizer.encode("a", "a" if texts == 2 else None)
        parts: list[list[int]] = [[]]
        ids, owners = encoding.ids, encoding.sequence_ids
        for index, owner in enumerate(owners):
            if owner is None:
                parts[-1].append(ids[index])
            elif index == 0 or owners[index - 1] != owner:
                parts.append([])
        if len(parts) != texts + 1:
            raise ValueError("the tokenizer does not keep the texts of a pair apart")
        return Frame(parts[0], parts[1] if texts == 2 else [], parts[-1])

    def _check_length(self, text: str, limit: int) -> None:
        """Raises if `text` is too long for `limit` tokens, at a cost that `limit` bounds.

        Encoding ten megabytes whole takes seconds and gigabytes. Cut into pieces, a text has at
        most a few tokens more for each cut, so the pieces tell as soon as they are too many.
        """
        if len(text) > _CHARACTERS_PER_TOKEN_AT_MOST * limit:
            raise TooManyTokensError(limit, exact=False)
        size = _CHARACTERS_PER_TOKEN * limit
        if len(text) <= size:
            return
        count = 0
        for start in range(0, len(text), size):
            piece = self._tokenizer.encode_batch_fast([text[start : start + size]])[0]
            count += max(0, len(piece) - _TOKENS_PER_CUT)
            if count > limit:
                raise TooManyTokensError(count, exact=False)

    def decode(self, tokens: Sequence[int], *, special_tokens: bool = False) -> str:
        """The text of `tokens`, with the names of special tokens if `special_tokens`."""
        return self._tokenizer.decode(list(tokens), skip_special_tokens=not special_tokens)

    def token_bytes(self, token: int) -> bytes:
        """What `token` adds to the UTF-8 of a text that it continues; empty for a special one."""
        return b"" if token in self._special else self.spelling(token)

    def special_tokens(self, names: Collection[str]) -> frozenset[int]:
        """The special tokens that `names` name; the others name none."""
        return frozenset(id for id, name in self._special.items() if name in names)

    def spelling(self, token: int) -> bytes:
        """The bytes that `token` stands for; the name of a special one."""
        text = self._tokenizer.id_to_token(token)
        if text is None:
            return b""
        return _byte_level(text) if self._byte_level else _sentencepiece(text)


def _byte_level(token: str) -> bytes:
    """Bytes of a token of byte-level BPE, where each character stands for one byte."""
    try:
        return bytes(_BYTES[character] for character in token)
    except KeyError:
        return token.encode()


def _sentencepiece(token: str) -> bytes:
    """Bytes of a SentencePiece token: `▁` is a space, and `<0xE2>` is the byte E2."""
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes.fromhex(token[3:5])
    return token.replace("\u2581", " ").encode()


def _parts(decoder: tokenizers.decoders.Decoder | None) -> list[dict[str, Any]]:
    """What a decoder does, in order; the library tells as JSON only."""
    if decoder is None:
        return []
    state: dict[str, Any] = json.loads(decoder.__getstate__())
    parts: list[dict[str, Any]] = state.get("decoders", [state])
    return parts


def _strips_space(part: Mapping[str, Any]) -> bool:
    """Whether a part of a decoder takes a text's first space away, as SentencePiece added it."""
    if part["type"] == "Metaspace":
        return bool(part["prepend_scheme"] != "never")
    return bool(part["type"] == "Strip" and part["content"] == " " and part["start"])


def _printable_bytes() -> Mapping[str, int]:
    """GPT-2's alphabet: printable bytes stand for themselves, the others for U+0100 and on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(0x100 + index): byte for index, byte in enumerate(others)
    }


_BYTES = _printable_bytes()
