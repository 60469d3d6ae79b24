"""Turns a stream of tokens into text, whole characters only."""

from __future__ import annotations

import codecs

from stackrt.engine.tokenizer import Tokenizer


class Detokenizer:
    """The text of one sequence, token by token.

    A character whose bytes are spread over several tokens appears with the last of them. Bytes
    that are no UTF-8 become U+FFFD, one for each maximal subpart of a character (Unicode standard,
    section 3.9); an unfinished character at the end of the sequence does not appear at all.
    """

    def __init__(
        self, tokenizer: Tokenizer, *, starts_text: bool = False, special_tokens: bool = False
    ) -> None:
        """`starts_text` if the tokens continue no other text; `special_tokens` appear by name."""
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._token_bytes = tokenizer.spelling if special_tokens else tokenizer.token_bytes
        # SentencePiece puts a space in front of a text, which is no part of it.
        self._strips = starts_text and tokenizer.prepends_space

    def feed(self, token: int) -> str:
        """The text that `token` completes; empty for parts of a character."""
        text = self._utf8.decode(self._token_bytes(token))
        if self._strips and text:
            self._strips = False
            return text.removeprefix(" ")
        return text
