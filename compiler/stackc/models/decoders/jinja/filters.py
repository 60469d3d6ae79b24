"""Jinja's filters, ``x | filter``, as Python expressions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from stackc.models.decoders.jinja.code import Code, Level, constant
from stackc.models.decoders.jinja.operands import (
    call,
    integer,
    item,
    iterable,
    length,
    printed,
    string,
)


@dataclass(frozen=True)
class Arguments:
    """The arguments of a filter or a call, translated."""

    positional: tuple[Code, ...] = ()
    named: Mapping[str, Code] = field(default_factory=dict)

    def take(self, *names: str) -> tuple[Code | None, ...] | None:
        """The arguments in the order of their names, or None if there are others."""
        if len(self.positional) > len(names) or set(self.named) - set(names):
            return None
        found = dict(zip(names, self.positional, strict=False)) | dict(self.named)
        return tuple(found.get(name) for name in names)


Filter = Callable[[Code, Arguments], Code | None]
"""Gives None for arguments that it does not take."""


def apply(name: str, code: Code, arguments: Arguments) -> Code | None:
    """``code | name(arguments)``, or None if there is no such filter or form of it."""
    if name in _PLAIN:
        return None if arguments.positional or arguments.named else _PLAIN[name](code)
    return _WITH_ARGUMENTS[name](code, arguments) if name in _WITH_ARGUMENTS else None


def entries(code: Code) -> Code:
    """``x | list``: a new list of what a loop goes through."""
    if code.kind == "generator":
        return Code(f"[{code.text[1:-1]}]", "list")
    if code.text.startswith("list("):
        return code
    return call("list", iterable(code), kind="list")


def attribute(code: Code, path: str) -> Code:
    """What ``attribute="a.b.0"`` names."""
    for step in path.split("."):
        code = item(code, step if step.isdecimal() else constant(step).text)
    return code


def _method(name: str) -> Callable[[Code], Code]:
    return lambda code: Code(f"{printed(code).at(Level.ATOM)}.{name}()", "str")


def _trim(code: Code, arguments: Arguments) -> Code | None:
    taken = arguments.take("chars")
    if taken is None:
        return None
    (characters,) = taken
    inside = string(characters).text if characters else ""
    return Code(f"{printed(code).at(Level.ATOM)}.strip({inside})", "str")


def _default(code: Code, arguments: Arguments) -> Code | None:
    taken = arguments.take("default_value", "boolean")
    if taken is None:
        return None
    otherwise, falsy = taken
    replacement = otherwise or constant("")
    if falsy is None or falsy.certain is False:
        if code.kind == "undefined":
            return replacement
        return code if code.kind != "any" else call("default", code, replacement)
    if falsy.certain is not True:
        return None
    return (
        replacement if code.certain is False else call("default", code, replacement, "falsy=True")
    )


def _join(code: Code, arguments: Arguments) -> Code | None:
    taken = arguments.take("d", "attribute")
    if taken is None:
        return None
    separator, path = taken
    if path is not None:
        if not isinstance(path.value, str):
            return None
        each = attribute(Code("entry"), path.value).text
        code = Code(f"({each} for entry in {iterable(code)})", "generator")
    inside = code.text[1:-1] if code.kind == "generator" and separator is None else code.text
    rest = [] if separator is None else [printed(separator).text]
    return call("join", inside, *rest, kind="str")


def _replace(code: Code, arguments: Arguments) -> Code | None:
    taken = arguments.take("old", "new", "count")
    if taken is None or taken[0] is None or taken[1] is None:
        return None
    texts = [printed(each).text for each in taken[:2] if each]
    texts += [integer(each).text for each in taken[2:] if each]
    return call("replaced", printed(code), *texts, kind="str")


def _to_json(code: Code, arguments: Arguments) -> Code | None:
    names = ("ensure_ascii", "indent", "separators", "sort_keys")
    taken = arguments.take(*names)
    if taken is None:
        return None
    options = [f"{name}={each.text}" for name, each in zip(names, taken, strict=True) if each]
    return call("to_json", code, *options, kind="str")


def _number(function: str, kind: str) -> Filter:
    def convert(code: Code, arguments: Arguments) -> Code | None:
        taken = arguments.take("default")
        if taken is None:
            return None
        return call(function, code, *(each.text for each in taken if each))

    return convert


def _same(code: Code) -> Code:
    return code


_PLAIN: Final[Mapping[str, Callable[[Code], Code]]] = {
    "upper": _method("upper"),
    "lower": _method("lower"),
    "capitalize": _method("capitalize"),
    "string": printed,
    "length": length,
    "count": length,
    "list": entries,
    "first": lambda code: call("first", code),
    "last": lambda code: call("last", code),
    "items": lambda code: call("items", code, kind="list"),
}

_WITH_ARGUMENTS: Final[Mapping[str, Filter]] = {
    "trim": _trim,
    "default": _default,
    "d": _default,
    "join": _join,
    "replace": _replace,
    "tojson": _to_json,
    "int": _number("to_int", "int"),
    "float": _number("to_float", "float"),
}
