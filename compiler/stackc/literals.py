"""The only place where text becomes code: expressions and values as Python, quoted and laid out.

The layout needs no formatter: up to three values stand on a line, those inside of others counted;
where there are more, arguments and items stand one a line with a comma behind the last, which is
what `ruff format` keeps on lines that are wide enough.
"""

import json

from stackc.expressions import (
    Call,
    Child,
    Conditional,
    Constant,
    DictOf,
    Expression,
    Formatted,
    ListOf,
    Method,
    Reference,
    When,
)
from stackc.values import Static

MOST_ON_A_LINE = 3

INDENT = "    "


def python(expression: Expression, depth: int = 0) -> str:
    """The expression as Python, for a statement that is indented by `depth` levels."""
    match expression:
        case Constant(value):
            return constant(value)
        case Reference(name):
            return name
        case Formatted(parts):
            return _formatted(parts)
        case Conditional(condition, then, otherwise):
            texts = [python(each, depth) for each in (then, condition, otherwise)]
            return f"{texts[0]} if {texts[1]} else {texts[2]}"
        case When(condition, item):
            return _when(python(condition), item, depth)
        case Child(parent, name):
            return f"{python(parent, depth)} / {constant(name)}"
        case Call(function, arguments):
            return function + _enclosed(
                "(", [(f"{k}=" if k else "", v) for k, v in arguments], depth
            )
        case Method(of, name):
            return f"{python(of, depth)}.{name}()"
        case ListOf(items):
            return _enclosed("[", [("", item) for item in items], depth)
        case DictOf(items):
            return _enclosed("{", [(f"{constant(k)}: ", v) for k, v in items], depth)


def _when(condition: str, item: Expression, depth: int) -> str:
    """An item of a list that is spread in where a condition holds, as `ruff format` lays it out."""
    outer, inner = "\n" + INDENT * depth, "\n" + INDENT * (depth + 1)
    listed = f"[{inner}{INDENT}{python(item, depth + 2)}{inner}]"
    return f"*({inner}{listed}{inner}if {condition}{inner}else []{outer})"


_CLOSING = {"(": ")", "[": "]", "{": "}"}


def _enclosed(opening: str, items: list[tuple[str, Expression]], depth: int) -> str:
    closing = _CLOSING[opening]
    if sum(_values(item) for _, item in items) <= MOST_ON_A_LINE:
        return opening + ", ".join(before + python(item, depth) for before, item in items) + closing
    inner = "\n" + INDENT * (depth + 1)
    lines = [f"{inner}{before}{python(item, depth + 1)}," for before, item in items]
    return f"{opening}{''.join(lines)}\n{INDENT * depth}{closing}"


def _values(expression: Expression) -> int:
    """How many values an expression shows."""
    match expression:
        case Call(_, items) | DictOf(items):
            return sum(_values(item) for _, item in items)
        case ListOf(items):
            return sum(map(_values, items))
        case When():
            return MOST_ON_A_LINE + 1  # it never fits on a line
    return 1


def constant(value: Static) -> str:
    """A plain value as Python."""
    return string(value) if isinstance(value, str) else repr(value)


def string(text: str) -> str:
    """A text as a Python string in the quotes that `ruff format` chooses.

    What is not printable is escaped, so that no text can end its line or hide in it.
    """
    quote = _quote(text)
    if text.isprintable() and quote not in text and "\\" not in text:
        return quote + text + quote
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _quote(text: str) -> str:
    return "'" if text.count('"') > text.count("'") else '"'


_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escaped(character: str, quote: str) -> str:
    if character == quote:
        return "\\" + character
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}"


def _formatted(parts: tuple[str | Expression, ...]) -> str:
    """An f-string, or a sum where a part has quotes of its own, which 3.11 cannot nest."""
    if any(isinstance(part, Conditional) for part in parts):
        return " + ".join(_summand(part) for part in parts)
    quote = _quote("".join(part for part in parts if isinstance(part, str)))
    return f"f{quote}{''.join(_inside(part, quote) for part in parts)}{quote}"


def _summand(part: str | Expression) -> str:
    if isinstance(part, str):
        return string(part)
    return f"({python(part)})" if isinstance(part, Conditional) else python(part)


def _inside(part: str | Expression, quote: str) -> str:
    if not isinstance(part, str):
        return "{" + python(part) + "}"
    escaped = "".join(_escaped(character, quote) for character in part)
    return escaped.replace("{", "{{").replace("}", "}}")


def json_text(value: object) -> str:
    """A value as JSON for a file that is read as a diff: indented, in its own order."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def shell(text: str) -> str:
    """A text as the value of a line of a `.env` file."""
    plain = text and all(c.isalnum() or c in "-_./:@%+,=~" for c in text)
    return text if plain or not text else json.dumps(text, ensure_ascii=False)
