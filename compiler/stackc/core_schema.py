"""YAML 1.2's core schema: what a scalar means by how it is written, as one of JSON's values."""

import re
from math import isfinite

from stackc.tree import Plain

PREFIX = "tag:yaml.org,2002:"

_KINDS = (
    ("null", "~nN\0", r"~|null|Null|NULL|"),
    ("bool", "tTfF", r"true|True|TRUE|false|False|FALSE"),
    (
        "float",
        "-+0123456789.",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?",
    ),
    ("int", "-+0123456789", r"[-+]?(?:0b[0-1_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)"),
)
"""Each kind, how it can begin, and its form; `\\0` stands for nothing at all."""

_BY_FIRST = {
    first: tuple((kind, re.compile(form)) for kind, firsts, form in _KINDS if first in firsts)
    for first in "~nN\0tTfF-+0123456789."
}

_BASES = ("0x", "0o", "0b")


def plain_value(text: str, tag: str | None, *, quoted: bool) -> Plain:
    """The value of a scalar; dates, infinities and what has an unknown tag stay text."""
    kind = tag.rpartition(":")[2] if tag and tag != "!" else ""
    if not kind and not quoted and tag is None:
        kind = _kind(text)
    if kind == "null":
        return None
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2].lower() in _BASES else 10)
        if kind == "float":
            number = float(text.replace("_", ""))
            return number if isfinite(number) else text
    except ValueError:
        return text
    return text


def _kind(text: str) -> str:
    """The kind of a plain scalar without a tag."""
    for kind, form in _BY_FIRST.get(text[:1] or "\0", ()):
        if form.fullmatch(text):
            return kind
    return ""
