"""What someone answers, as what it is an answer to; or what is wrong with it."""

import re

from stackc.catalog import JsonSchema
from stackc.documentation.keys import type_words
from stackc.editor_words import types_of
from stackc.fields import KINDS
from stackc.shape import fits
from stackc.values import coerce, reads_as


class AnswerError(ValueError):
    """An answer that is none, with what it must be."""


def value_of(text: str, schema: JsonSchema) -> object:
    """The value of a field that a text means, of the field's type; raises AnswerError."""
    if "${env." in text:
        if schema.get("x-static"):
            raise AnswerError("it must be known when the stack is built")
        return text
    kinds = [kind for kind in KINDS if kind in types_of(schema)] or list(KINDS[:1])
    for value in (coerce(text, kind) for kind in kinds if reads_as(text, kind)):
        if fits(value, schema):
            return int(value) if isinstance(value, float) and value.is_integer() else value
    raise AnswerError(f"it must be: {type_words(schema)}")


def variable_of(text: str) -> str:
    """The name of a variable, as an environment expression takes it; raises AnswerError."""
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", text):
        raise AnswerError("a variable is of capitals, digits and `_`")
    return text


def numbers_of(text: str, most: int) -> tuple[int, ...]:
    """The numbers up to `most` in a text with commas, each once, without 0; raises AnswerError."""
    words = text.replace(",", " ").split()
    if not all(word.isdecimal() and int(word) <= most for word in words):
        raise AnswerError(f"the numbers are from 1 to {most}, or 0 for none")
    return tuple(dict.fromkeys(int(word) for word in words if int(word)))
