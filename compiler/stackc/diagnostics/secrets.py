"""Secrets in what is shown: before a schema is known, the name of a key tells what holds one."""

import re
from dataclasses import replace

from stackc.environment import Malformed

_KEYS = r"(?:api|access|private)[_-]?keys?(?:[_-]?id)?"
_WORD = rf"(?:passw(?:or)?d|passphrase|secret|token|credentials?|{_KEYS})"
_NAMES_SECRET = re.compile(rf"{_WORD}\s*\Z", re.IGNORECASE)
_KEY = re.compile(rf"""{_WORD}["']?[ ]*:(?:[ ]+|$)""", re.IGNORECASE)
_QUOTED = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'""")
_IN_BRACES = re.compile(r"(?:\$\{[^}]*\}|[^,}])*")
_VARIABLE = re.compile(r"\$[A-Z_][A-Z0-9_]*")
_EXPRESSION = re.compile(r"(\$\{(?:env\.)?\w+(?::?[-=+?])?)([^}]*)(\}?)")


def names_secret(key: str) -> bool:
    """Whether the value of a key of this name is never to be shown."""
    return bool(_NAMES_SECRET.search(key))


def masked(line: str) -> str:
    """A line of source without the values of such keys, as long as before."""
    shown, position = "", 0
    while key := _KEY.search(line, position):
        end = _end_of_value(line, key.start(), key.end())
        shown += line[position : key.end()] + hidden(line[key.end() : end])
        position = end
    return shown + line[position:]


def hidden(value: str) -> str:
    """A value of which only the names of variables are left, as long as before."""
    bare = value.strip("\"' ")
    if _VARIABLE.fullmatch(bare):
        return value
    shown, position = "", 0
    for match in _EXPRESSION.finditer(bare):
        shown += "*" * (match.start() - position) + match[1] + "*" * len(match[2]) + match[3]
        position = match.end()
    shown += "*" * (len(bare) - position)
    before, _, after = value.partition(bare) if bare else (value, "", "")
    return before + shown + after


def without_secret(fault: Malformed, value: str) -> Malformed:
    """A malformed expression as it may be told: its variable, and that only where it is alone."""
    if fault.text != value:
        return replace(fault, text="$", right_form="${env.NAME}")
    return replace(fault, text=hidden(fault.text), right_form=hidden(fault.right_form))


def _end_of_value(line: str, key: int, start: int) -> int:
    """Where a value ends: at its quote, in `{...}` at a comma or the brace, else with the line."""
    quoted = _QUOTED.match(line, start)
    if quoted:
        return quoted.end()
    braced = _IN_BRACES.match(line, start) if "{" in line[:key] else None
    return braced.end() if braced else len(line)
