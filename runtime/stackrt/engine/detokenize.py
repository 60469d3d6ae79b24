"""Turns a stream of tokens into text, whole characters only."""

from __future__ import annotations

import codecs

from stackrt.engine.tokenizer import Tokenizer


class Detokenizer:
    """The text of one sequence, token by token.

    A character whose bytes are spread over several tokens appears with the last of them. Bytes
    that are no UTF-8 become U+FFFD, as in `Tokenizer.decode`; an unfinished character at the end
    of the sequence does not appear at all.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token: int) -> str:
        """The text that `token` completes; empty for special tokens and parts of a character."""
        return self._utf8.decode(self._tokenizer.token_bytes(token))
