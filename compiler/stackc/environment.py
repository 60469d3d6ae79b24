"""The environment expressions of a distribution: `${env.X}`, `${env.X:=default}`, `${env.X:+value}`.

The forms and their meaning are those of Llama Stack's run.yaml version 2: an empty variable counts
as unset, a default or value cannot hold a `}`, and several expressions and text may stand in one
string. What Llama Stack leaves as silent literal text (`$X`, `${env.x}`, `${env.X:-d}`) is an error
here. `${env.X:default}`, which Llama Stack before 0.2.13 had for `${env.X:=default}`, is still read.
Dollar signs before `{` or a capital are each written `$$`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

Operator = Literal["", ":=", ":+"]


@dataclass(frozen=True)
class Reference:
    """One expression. `operand` is the default of `:=` and the value of `:+`, and "" without."""

    name: str
    operator: Operator
    operand: str

    def __str__(self) -> str:
        return f"${{env.{self.name}{self.operator}{self.operand}}}"


@dataclass(frozen=True)
class Text:
    """A string with at least one reference in it; the parts alternate as they were written."""

    parts: tuple[str | Reference, ...]

    @property
    def references(self) -> tuple[Reference, ...]:
        """The references, in the order of the text."""
        return tuple(part for part in self.parts if isinstance(part, Reference))

    def __str__(self) -> str:
        text = ""
        for part in reversed(self.parts):
            text = (str(part) if isinstance(part, Reference) else _escaped(part, text)) + text
        return text


@dataclass(frozen=True)
class Malformed:
    """Something that was meant as an expression and is none: where in the value, and the right form.

    `old`: it was one in other days, and has been read as its right form.
    """

    offset: int
    text: str
    right_form: str
    old: bool = False


_TOKEN = re.compile(
    r"(?P<plain>\$++(?![{A-Z_]))"
    r"|(?P<escape>(?:\$\$)++)"
    r"|\$\{env\.(?P<name>[A-Z_][A-Z0-9_]*)(?:(?P<operator>:[=+]|:(?![-?]))(?P<operand>(?:(?!\$\{)[^}])*))?\}"
    r"|(?P<braced>\$\{[^}]*\}?)"
    r"|(?P<bare>\$[A-Z_][A-Z0-9_]*)"
)


def parse(text: str) -> tuple[str | Text, list[Malformed]]:
    """The text as it is, or as a `Text` where it refers to variables; with all that is malformed."""
    if "$" not in text:
        return text, []
    parts: list[str | Reference] = []
    malformed: list[Malformed] = []
    end = 0
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match["plain"]:
            parts.append(match["plain"])
        elif match["escape"]:
            parts.append("$" * (len(match[0]) // 2))
        elif match["name"]:
            parts.append(_reference(match))
            if match["operator"] == ":":
                malformed.append(Malformed(match.start(), match[0], str(parts[-1]), old=True))
        else:
            malformed.append(Malformed(match.start(), match[0], _right_form(match[0])))
    parts.append(text[end:])
    joined = tuple(_joined(parts))
    if any(isinstance(part, Reference) for part in joined):
        return Text(joined), malformed
    return "".join(part for part in joined if isinstance(part, str)), malformed


def _joined(parts: list[str | Reference]) -> Iterator[str | Reference]:
    """The parts, with all plain text between two references as one."""
    for plain, group in groupby(parts, key=lambda part: isinstance(part, str)):
        if not plain:
            yield from group
        elif text := "".join(map(str, group)):
            yield text


def _reference(match: re.Match[str]) -> Reference:
    operator: Operator = ""
    if match["operator"] in (":=", ":"):
        operator = ":="
    elif match["operator"] == ":+":
        operator = ":+"
    return Reference(match["name"], operator, match["operand"] or "")


def _escaped(text: str, after: str) -> str:
    """Plain text as it is written before `after`."""
    run = r"\$+(?=[{A-Z_]|\Z)" if after.startswith("$") else r"\$+(?=[{A-Z_])"
    return re.sub(run, lambda match: match[0] * 2, text)


_MEANT = re.compile(
    r"\$\{?\s*(?:[Ee][Nn][Vv]\s*[.:])?\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*)?(?P<rest>[^}]*)"
)


def _right_form(text: str) -> str:
    """What the writer of `text` most likely meant, in the form that works."""
    match = _MEANT.match(text)
    name = (match["name"] if match and match["name"] else "NAME").upper()
    rest = match["rest"].partition("${")[0].strip() if match else ""
    written_small = match is not None and match["name"] not in (None, name)
    if rest.startswith(".") or (rest.startswith("-") and written_small):
        return f"${{env.{re.sub(r'[^A-Z0-9]+', '_', (name + rest).upper()).rstrip('_')}}}"
    if rest.startswith((":+", "+")):
        return f"${{env.{name}:+{rest.lstrip(':+')}}}"
    default = re.match(r"(?::[-=]?|[-=])(?!\?)(.*)", rest, re.DOTALL)
    if default:
        return f"${{env.{name}:={default[1]}}}"
    return f"${{env.{name}}}"
