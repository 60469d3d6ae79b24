"""Texts as encoders read them: framed by special tokens, cut where asked, in windows or in pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from stackrt.engine.encoder import Row
from stackrt.engine.tokenizer import Tokenizer, TooManyTokensError

Cut = Literal["start", "end"]
"""Which end of a text that is too long is left out."""

# Characters that are read of a text to be cut, for each token that it may keep: more of them while
# they give too few, up to what only blanks and WordPiece's unknown words need.
_CHARACTERS_PER_TOKEN = 16
_CHARACTERS_PER_TOKEN_AT_MOST = 1000
# More tokens than reading a part of a text can change: WordPiece gives up on words of 100
# characters, and merges of byte-pair encoding are local.
_TOKENS_PER_CUT = 100
_NO_LIMIT = 1 << 31


class EncoderText:
    """Makes rows of texts; each has at most `max_tokens` tokens. Slow for long texts."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._frame = tokenizer.frame(1)
        self._room = max(0, max_tokens - self._frame.size)
        self._step = max(1, self._room - self._room // 4)

    def rows(self, texts: Sequence[str], *, cut: Cut | None = None) -> list[Row]:
        """A row for each text. Raises TooManyTokensError for one too long, unless it is cut."""
        if cut is None:
            return [
                Row(tokens)
                for tokens in self._tokenizer.encode_all(
                    texts, limit=self._max_tokens, special_tokens=True
                )
            ]
        return [self._framed(self._kept(text, cut, self._room)) for text in texts]

    def room_of(self, windows: int) -> int:
        """Tokens of a text that fits into so many windows."""
        return self._room + self._step * (windows - 1)

    def windows(self, text: str, *, most: int) -> list[Row]:
        """Rows that cover `text`, each sharing a quarter with the one before.

        Raises TooManyTokensError if there were more than `most`.
        """
        tokens = self._tokenizer.encode(text, limit=self.room_of(most), special_tokens=False)
        last = max(0, len(tokens) - self._room)
        starts = [*range(0, last, self._step), last]
        return [self._framed(tokens[start : start + self._room]) for start in starts]

    def _framed(self, tokens: Sequence[int]) -> Row:
        return Row([*self._frame.before, *tokens, *self._frame.after])

    def _kept(self, text: str, cut: Cut, room: int) -> list[int]:
        """What stays of a text: the first tokens, or the last."""
        wanted = room + _TOKENS_PER_CUT
        size, most = _CHARACTERS_PER_TOKEN * wanted, _CHARACTERS_PER_TOKEN_AT_MOST * wanted
        while True:
            part = text[:size] if cut == "end" else text[-size:]
            tokens = self._tokenizer.encode(part, limit=_NO_LIMIT, special_tokens=False)
            if len(tokens) >= wanted or size >= min(len(text), most):
                return tokens[:room] if cut == "end" else tokens[max(0, len(tokens) - room) :]
            size *= 8


class PairText:
    """Makes rows of a query and each of some texts, of at most `max_tokens` tokens."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self._frame = tokenizer.frame(2)
        self._room = max(0, max_tokens - self._frame.size)

    def rows(self, query: str, texts: Sequence[str]) -> list[Row]:
        """A row for each text. Raises TooManyTokensError for a pair that is too long."""
        first = self._tokenizer.encode(query, limit=self._room, special_tokens=False)
        start = [*self._frame.before, *first, *self._frame.between]
        room = self._room - len(first)
        rows = []
        for tokens in self._tokenizer.encode_all(texts, limit=self._room, special_tokens=False):
            if len(tokens) > room:
                count = len(first) + len(tokens) + self._frame.size
                raise TooManyTokensError(count, exact=True)
            rows.append(Row([*start, *tokens, *self._frame.after], second=len(start)))
        return rows
