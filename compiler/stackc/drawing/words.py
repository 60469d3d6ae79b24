"""Texts as they stand in a drawing: on one line, of a known width."""

import unicodedata


def printable(text: str) -> str:
    """A text without what moves a cursor or no XML holds: each such character is a dot."""
    return "".join(character if character.isprintable() else "·" for character in text)


def columns(text: str) -> int:
    """How many columns a text takes in a font of one width: wide characters two."""
    return sum(_width(character) for character in text)


def shortened(text: str, limit: int) -> str:
    """A text of at most so many columns, with `…` where something was cut off."""
    if columns(text) <= limit:
        return text
    while columns(text) > limit - 1:
        text = text[:-1]
    return f"{text}…"


def _width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
